# SPDX-License-Identifier: Apache-2.0
"""What is done to keys (TOK-05). Public halves are named by the SHA-256 of their DER form."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCreated(AuditEvent):
    kind = "key.created"
    key_id: str
    purpose: str
    algorithm: str
    provider: str
    public_key_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyActivated(AuditEvent):
    """The key signs, or seals, from now on; *replaced_key_id* no more."""

    kind = "key.activated"
    key_id: str
    purpose: str
    replaced_key_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCompromised(AuditEvent):
    kind = "key.compromised"
    key_id: str
    purpose: str
    reason: str
