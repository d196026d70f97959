# SPDX-License-Identifier: Apache-2.0
"""Find the grant behind a signed link: its key's state as of now, then its signature. No provider is asked.

Whoever is refused here goes on under a hash that is nobody's: the same look-up, the same count, the same
event and the same answer as for a token that never was. The state of a key is read each time, so that one
that is given up is given up everywhere at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.envelope import SignedToken, find_fault, hide
from vestibule.core.keys import KeySchedule
from vestibule.ports import ClaimKey, Signatures, UnitOfWork

SOUND = "sound"
FORGED = "forged"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLink:
    """How to look the grant up, and what was found about the envelope: a word for metrics alone."""

    key: ClaimKey
    finding: str


def open_link(
    uow: UnitOfWork, token: SignedToken, *, signatures: Signatures, schedule: KeySchedule | None = None
) -> OpenedLink:
    """What to look up for *token*; nothing that exists, unless its key counts and did sign it."""
    key = uow.keys.find(token.key_id)
    finding = find_fault(token, key, uow.now(), schedule or KeySchedule())
    if finding is None and (key is None or not signatures.verify(key, token.signing_input, token.signature)):
        finding = FORGED
    found = token.claim_token_hash if finding is None else hide(token.claim_token_hash)
    return OpenedLink(key=ClaimKey(claim_token_hash=found), finding=finding or SOUND)
