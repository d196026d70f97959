# SPDX-License-Identifier: Apache-2.0
"""What may be promised: the rules every road to a pending grant passes (ISS-03, ISS-09, ISS-10, ISS-16)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from vestibule.core.email import EmailAddress
from vestibule.core.invitation import (
    MEMBERSHIP_EXPIRES_MAX,
    MESSAGE_MAX,
    METADATA_MAX_BYTES,
    SCOPE_MAX,
    Invitation,
    InvitationDraft,
    InvitationState,
)
from vestibule.core.limits import Hit, Limits, hit
from vestibule.core.naming import check_message
from vestibule.core.policy import Policy
from vestibule.core.tenant import Membership
from vestibule.core.token import ClaimToken
from vestibule.errors import (
    AlreadyMemberError,
    DomainNotAllowedError,
    FieldFault,
    InvalidRequestError,
    PendingLimitError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvitation:
    """What the caller gets. *token* only with ``deliver: "link"``, once, and never on a replay."""

    invitation: Invitation
    state: InvitationState
    token: ClaimToken | None = None
    is_replay: bool = False


def check_draft(draft: InvitationDraft) -> None:
    """What an inviter may say is within its limits, on whatever road it came (ISS-15).

    Raises:
        InvalidRequestError: the message, scope, metadata or membership's length is not; with its pointer.
    """
    check_message("/message", draft.message or "", MESSAGE_MAX)
    if draft.scope is not None and not (0 < len(draft.scope) <= SCOPE_MAX and draft.scope.isprintable()):
        raise InvalidRequestError(FieldFault("/scope", f"Give 1 to {SCOPE_MAX} printable characters."))
    metadata = "" if draft.metadata is None else json.dumps(dict(draft.metadata), ensure_ascii=False)
    if len(metadata.encode("utf-8", "surrogatepass")) > METADATA_MAX_BYTES:
        raise InvalidRequestError(
            FieldFault("/metadata", f"Give at most {METADATA_MAX_BYTES} bytes of JSON.")
        )
    seconds = draft.membership_expires_in
    if seconds is not None and not 0 < seconds <= MEMBERSHIP_EXPIRES_MAX:
        fault = FieldFault("/membership_expires_in", f"Give 1 to {MEMBERSHIP_EXPIRES_MAX} seconds.")
        raise InvalidRequestError(fault)


def check_role_exists(policy: Policy, role: str) -> None:
    """An exact name of a role of this tenant (ATTACKS D14).

    Raises:
        InvalidRequestError: there is no such role.
    """
    if role not in policy.roles:
        raise InvalidRequestError(
            FieldFault("/role", "No such role; give one of the tenant's roles exactly.")
        )


def check_recipient(policy: Policy, address: EmailAddress, member: Membership | None) -> None:
    """The address may be invited now.

    Raises:
        DomainNotAllowedError: the tenant does not admit its domain.
        AlreadyMemberError: it already belongs to a member.
    """
    if policy.allowed_domains is not None and not address.is_within(policy.allowed_domains):
        raise DomainNotAllowedError
    if member is not None:
        raise AlreadyMemberError


def check_pending(policy: Policy, pending: int) -> None:
    """One more may be outstanding.

    Raises:
        PendingLimitError: the cap is reached.
    """
    if pending >= policy.max_pending:
        raise PendingLimitError


def issue_hits(limits: Limits, tenant_id: str, principal_id: str, address: EmailAddress) -> list[Hit]:
    """What one issue or resend counts against: inviter, tenant, and the recipient across all tenants."""
    return [
        hit("issue_inviter", principal_id, limits.issue_per_inviter),
        hit("issue_tenant", tenant_id, limits.issue_per_tenant),
        hit("issue_recipient", _abuse_key(address), limits.issue_per_recipient),
    ]


def _abuse_key(address: EmailAddress) -> str:
    # For limits only, never for access: plus-tags and Gmail's dots make no new recipient (CRYPTO.md 8.1).
    local = address.local.partition("+")[0] or address.local
    if address.domain in ("gmail.com", "googlemail.com"):
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{address.domain}"
