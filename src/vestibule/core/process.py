# SPDX-License-Identifier: Apache-2.0
"""Which part of the service a process is: what it serves, which keys it needs, which rights it has."""

from __future__ import annotations

from enum import StrEnum


class ProcessRole(StrEnum):
    """``all`` is one process for everything; the others are the parts it can be separated into.

    ``migrate`` owns the tables, ``support`` only reads; neither serves.
    """

    ALL = "all"
    ISSUE = "issue"
    CLAIM = "claim"
    ADMIN = "admin"
    WORKER = "worker"
    MIGRATE = "migrate"
    SUPPORT = "support"
