# SPDX-License-Identifier: Apache-2.0
"""The documents of the API: what is read (unknown members are refused) and what is answered."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from vestibule.core.domain import DomainFinding, Door, Rung
from vestibule.core.invitation import Deliver
from vestibule.core.joining import JoinRequestState
from vestibule.web.api.fields import (
    Address,
    ExpiresIn,
    GivenMoment,
    GrantScope,
    Locale,
    MemberName,
    MembershipExpiresIn,
    Metadata,
    Moment,
    PersonalMessage,
    Role,
    TenantName,
)
from vestibule.web.api.policy_schema import PolicyDocument

State = Literal["held", "pending", "accepted", "declined", "revoked", "expired"]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PutTenant(_Asked):
    """A tenant as its host wants it."""

    name: TenantName
    policy: PolicyDocument | None = None


class PutMember(_Asked):
    """A member as its host wants it."""

    role: Role
    email: Address | None = None
    name: MemberName | None = None
    expires_at: GivenMoment | None = None


class IssueInvitation(_Asked):
    """A pending grant, as its inviter wants it; everything else is the server's."""

    email: Address
    role: Role
    message: PersonalMessage | None = None
    expires_in: ExpiresIn | None = None
    scope: GrantScope | None = None
    metadata: Metadata | None = None
    membership_expires_in: MembershipExpiresIn | None = None
    locale: Locale = "en"
    deliver: Deliver = "email"


class ResendInvitation(_Asked):
    """How to deliver it this time."""

    deliver: Deliver = "email"


class PutDomain(_Asked):
    """A domain as its tenant's owner wants it; what is left out is kept."""

    rung: Rung | None = Field(default=None, strict=False)
    role: Role | None = None


class ApproveJoinRequest(_Asked):
    """What an administrator grants to somebody who asked."""

    role: Role
    justification: Justification | None = None
    membership_expires_in: MembershipExpiresIn | None = None


class _Told(BaseModel):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class TenantJson(_Told):
    """A tenant."""

    tenant_id: str
    name: str
    state: Literal["active", "suspended", "deleted"]
    policy: PolicyDocument
    policy_version: int
    created_at: Moment
    suspended_at: Moment | None


class SeatsJson(_Told):
    """Seats taken, and how many there are."""

    used: int
    limit: int


class TenantViewJson(TenantJson):
    """A tenant with its seats; null without a limit."""

    seats: SeatsJson | None


class MemberJson(_Told):
    """A member."""

    principal_id: str
    role: str
    email: str | None
    name: str | None
    created_at: Moment
    expires_at: Moment | None
    invitation_id: str | None


class OffboardedJson(_Told):
    """What offboarding did."""

    memberships_removed: int
    invitations_revoked: int
    sessions_ended: int
    last_owner_of: list[str] = Field(description="Tenants that need another owner.")


class InvitationJson(_Told):
    """An invitation, as its tenant's administrators see it. Never its token."""

    invitation_id: str
    tenant_id: str
    state: State
    email: str
    role: str
    inviter_principal_id: str
    message: str | None
    scope: str | None
    metadata: dict[str, Any] | None
    locale: str
    membership_expires_in: int | None
    created_at: Moment
    expires_at: Moment
    generation: int
    send_count: int
    last_sent_at: Moment | None
    accepted_at: Moment | None
    declined_at: Moment | None
    revoked_at: Moment | None
    revoked_reason: str | None


class IssuedJson(InvitationJson):
    """The same, with the link for this once when ``deliver`` was ``link``."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)
    link: str | None = Field(default=None, json_schema_extra={"type": "string", "format": "uri"})


class OwnInvitationJson(_Told):
    """A pending invitation, as its invitee sees it."""

    invitation_id: str
    tenant_name: str
    role: str
    email: str
    inviter_name: str | None
    message: str | None
    created_at: Moment
    expires_at: Moment
    state: State


class DomainRecordJson(_Told):
    """The DNS record that proves the domain, ready to publish."""

    type: Literal["TXT"]
    name: str
    value: str


class DomainJson(_Told):
    """A domain of a tenant. ``rung_in_force`` is ``invite_only`` while a rung that needs a proof has none."""

    tenant_id: str
    domain: str
    rung: Rung
    rung_in_force: Rung
    role: str
    record: DomainRecordJson
    created_at: Moment
    proved_at: Moment | None
    proof_expires_at: Moment | None
    checked_at: Moment | None
    finding: DomainFinding | None


class OpenDoorJson(_Told):
    """A tenant that offers something to one of the session's verified addresses."""

    tenant_id: str
    tenant_name: str
    domain: str
    door: Door


class JoinRequestJson(_Told):
    """A request to join, as the tenant's administrators see it."""

    request_id: str
    tenant_id: str
    state: JoinRequestState
    principal_id: str
    email: str
    name: str | None
    created_at: Moment
    decided_at: Moment | None
    decided_by_principal_id: str | None
    invitation_id: str | None


Item = TypeVar("Item", bound=BaseModel)


class PageJson(_Told, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None
