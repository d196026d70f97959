# SPDX-License-Identifier: Apache-2.0
"""From an assertion or a local account to a verified identity: who somebody is, never what they may do."""
