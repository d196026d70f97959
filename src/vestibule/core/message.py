# SPDX-License-Identifier: Apache-2.0
"""The closed set of outbox messages, as types: promises to deliver, written with the state (DEL-02).

No message holds an address, a token, a code or a link. The delivery worker looks the recipient up, and
mints the secret, at the moment of sending (DESIGN.md ruling 2).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A promise to deliver."""

    kind: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationMail(OutboxMessage):
    """Send the link of this generation to the invited address, if it is still pending then."""

    kind = "invitation_mail"
    invitation_id: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedNotice(OutboxMessage):
    """Tell the inviter that the invitation was accepted (ACC-17)."""

    kind = "accepted_notice"
    invitation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclinedNotice(OutboxMessage):
    """Tell the inviter that the invitation was declined (ACC-15)."""

    kind = "declined_notice"
    invitation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalNotice(OutboxMessage):
    """Ask one who may approve to look at a held request, on its page and signed in (ISS-04)."""

    kind = "approval_notice"
    invitation_id: str
    principal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionNotice(OutboxMessage):
    """Tell the inviter that the held request was approved or rejected."""

    kind = "decision_notice"
    invitation_id: str
    is_approved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassNotice(OutboxMessage):
    """Tell an administrator at once that somebody broke the glass."""

    kind = "break_glass_notice"
    invitation_id: str
    principal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingNotice(OutboxMessage):
    """Tell a member that its time-bound membership is about to end (LIF-05)."""

    kind = "ending_notice"
    tenant_id: str
    principal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalNotice(OutboxMessage):
    """Tell an administrator that somebody, known if signed in, asks for a new one (ACC-12, ACC-13)."""

    kind = "renewal_notice"
    invitation_id: str
    principal_id: str
    asker_principal_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakNotice(OutboxMessage):
    """Tell an administrator that a link was found in public, and what became of it (DEL-09)."""

    kind = "leak_notice"
    invitation_id: str
    principal_id: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeMail(OutboxMessage):
    """Send a fresh one-time code for this challenge to its address (ACC-04)."""

    kind = "code_mail"
    challenge_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountExistsMail(OutboxMessage):
    """Tell the owner of the address that it already has an account (N03: same page for everybody)."""

    kind = "account_exists_mail"
    challenge_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequestNotice(OutboxMessage):
    """Tell an administrator that somebody asks to join; it carries no link that decides (TEN-04)."""

    kind = "join_request_notice"
    tenant_id: str
    request_id: str
    principal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainNotice(OutboxMessage):
    """Tell an owner that the proof of a domain is not found any more, or has lapsed."""

    kind = "domain_notice"
    tenant_id: str
    domain: str
    principal_id: str


MESSAGE_TYPES: dict[str, type[OutboxMessage]] = {
    kind.kind: kind
    for kind in (
        InvitationMail,
        AcceptedNotice,
        DeclinedNotice,
        ApprovalNotice,
        DecisionNotice,
        BreakGlassNotice,
        EndingNotice,
        RenewalNotice,
        LeakNotice,
        CodeMail,
        AccountExistsMail,
        JoinRequestNotice,
        DomainNotice,
    )
}


def dump_message(message: OutboxMessage) -> str:
    """The stored payload."""
    return json.dumps(asdict(message), sort_keys=True)


def load_message(kind: str, payload: str) -> OutboxMessage:
    """The message behind a stored row.

    Raises:
        KeyError: a kind this release does not know.
    """
    values: dict[str, Any] = json.loads(payload)
    return MESSAGE_TYPES[kind](**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Where one copy of a message goes: the envelope recipient is the email key, always."""

    address_key: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Everything a renderer needs for one mail; ``link`` and ``code`` exist only in memory.

    ``leaf_hash`` is that of the event behind it: evidence in the recipient's hands.
    """

    message_id: str
    kind: str
    recipient: Recipient
    locale: str
    values: dict[str, str]
    link: str | None = None
    code: str | None = None
    leaf_hash: bytes | None = None

    def __repr__(self) -> str:
        return f"<Letter {self.kind} {self.message_id}>"
