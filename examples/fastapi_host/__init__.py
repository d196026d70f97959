# SPDX-License-Identifier: Apache-2.0
"""A FastAPI application with its own users and members that embeds Vestibule."""
