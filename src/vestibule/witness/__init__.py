# SPDX-License-Identifier: Apache-2.0
"""A witness of logs (c2sp.org/tlog-witness): it vouches that a log has only grown since it last looked.

Meant to be run by somebody else than who runs the log. It needs a folder, and nothing of the service.
"""
