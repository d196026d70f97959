# SPDX-License-Identifier: Apache-2.0
"""Pending grants in the database: reading, changing, ending."""

from __future__ import annotations

from vestibule.storage.invitations.changing import ChangingInvitations
from vestibule.storage.invitations.ending import EndingInvitations
from vestibule.storage.invitations.reading import ReadingInvitations


class SqlInvitations(ReadingInvitations, ChangingInvitations, EndingInvitations):
    """Implements ``ports.Invitations``."""


__all__ = ["SqlInvitations"]
