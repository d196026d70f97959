# SPDX-License-Identifier: Apache-2.0
"""Claim due messages, and settle what became of each: the worker's two actions on the outbox (DEL-02)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from vestibule.core.event import InvitationSendFailed, InvitationSent
from vestibule.core.identity import RequestContext
from vestibule.core.message import InvitationMail
from vestibule.errors import NotFoundError
from vestibule.ports import ClaimedMessage, UnitOfWork

SENT = "sent"
DROPPED = "dropped"
DEFERRED = "deferred"
GAVE_UP = "gave_up"
SUPPRESSED = "suppressed"


def claim_messages(uow: UnitOfWork, *, worker: str, limit: int, lease: timedelta) -> Sequence[ClaimedMessage]:
    """Due messages, held by *worker* until the lease runs out."""
    claimed = uow.outbox.claim(worker=worker, limit=limit, lease=lease)
    uow.commit()
    return claimed


def give_back(uow: UnitOfWork, claimed: ClaimedMessage, *, due_in: timedelta = timedelta(0)) -> None:
    """The message is due again, without blame: nothing was tried."""
    uow.outbox.give_back(claimed, due_in=due_in)
    uow.commit()


def settle_message(
    uow: UnitOfWork,
    claimed: ClaimedMessage,
    outcome: str,
    *,
    retry_in: timedelta | None = None,
    context: RequestContext,
) -> None:
    """The outcome is recorded; for an invitation's mail, beside the invitation and in the trail.

    Where the tenant keeps no addresses, this one is gone with the same commit, unless it is tried again.
    """
    uow.outbox.settle(claimed, outcome, retry_in=retry_in)
    message = claimed.message
    if isinstance(message, InvitationMail) and retry_in is None:
        uow.invitations.forget_address(message.invitation_id, message.generation)
    if isinstance(message, InvitationMail) and outcome != DROPPED:
        _record(uow, message, claimed.attempt, outcome, context)
    uow.commit()


def _record(
    uow: UnitOfWork, message: InvitationMail, attempt: int, outcome: str, context: RequestContext
) -> None:
    try:
        invitation = uow.invitations.get_by_id(message.invitation_id)
    except NotFoundError:
        return
    event: InvitationSent | InvitationSendFailed
    if outcome == SENT:
        uow.invitations.record_sent(message.invitation_id)
        event = InvitationSent(
            tenant_id=invitation.tenant_id,
            invitation_id=invitation.invitation_id,
            generation=message.generation,
            attempt=attempt,
        )
    else:
        event = InvitationSendFailed(
            tenant_id=invitation.tenant_id,
            invitation_id=invitation.invitation_id,
            generation=message.generation,
            attempt=attempt,
            is_final=outcome in (GAVE_UP, SUPPRESSED),
        )
    uow.audit.append(event, actor="worker", context=context)


def measure_lag(uow: UnitOfWork) -> tuple[int, float]:
    """How many messages are due, and the age of the oldest in seconds."""
    return uow.outbox.lag()
