# SPDX-License-Identifier: Apache-2.0
"""Redeem a code: whoever has it counts once. Nobody says who they are, and nothing of the request is kept.

What is written is the hash of the message, under which it can't be redeemed again, and a number one higher.
There is no audit event: its time would be the one thing that this road must not record.
"""

from __future__ import annotations

import hashlib

from vestibule.core import authority
from vestibule.core.anonymity import AnonymousEvent, is_code
from vestibule.errors import (
    ClaimRejectedError,
    EventOverError,
    NotFoundError,
    NotPermittedError,
    RejectReason,
)
from vestibule.ports import UnitOfWork


def redeem_code(uow: UnitOfWork, event_id: str, message: bytes, signature: bytes) -> None:
    """The code is spent.

    Raises:
        NotFoundError: there is no such event.
        ClaimRejectedError: no code of this event, or one that is spent. The two must not be told apart.
        NotPermittedError: redeeming has not begun.
        EventOverError: it is over.
        TenantSuspendedError: the event's tenant is suspended.
    """
    event = uow.anonymity.find(event_id)
    if event is None:
        raise NotFoundError
    key = uow.keys.find(event.key_id)
    is_live = key is not None and key.compromised_at is None
    if key is None or not is_live or not is_code(event_id, key.public_key or b"", message, signature):
        raise ClaimRejectedError(RejectReason.UNKNOWN)
    locked = uow.anonymity.find(event_id, is_locked=True)
    if locked is None:
        raise NotFoundError
    _check_open(uow, locked)
    if not uow.anonymity.spend(event_id, hashlib.sha256(message).digest()):
        raise ClaimRejectedError(RejectReason.CONSUMED)
    uow.commit()


def _check_open(uow: UnitOfWork, event: AnonymousEvent) -> None:
    tenant = uow.tenants.find(event.tenant_id)
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    authority.check_active(tenant)
    state = event.state_at(uow.now())
    if state == "closed":
        raise EventOverError("This event is over: nothing is redeemed any more.")
    # More codes than were issued: the key is in other hands, or the records are not whole.
    if event.redeemed_count >= event.issued_count:
        raise ClaimRejectedError(RejectReason.CONSUMED)
    if state == "collecting":
        raise NotPermittedError("Redeeming has not begun: too few people have a code yet.")
