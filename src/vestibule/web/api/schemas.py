# SPDX-License-Identifier: Apache-2.0
"""The documents of the API: what is read (unknown members are refused) and what is answered."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from vestibule.core.domain import DomainFinding, Door, Rung
from vestibule.core.invitation import BUNDLE_MAX
from vestibule.core.joining import JoinRequestState
from vestibule.web.api.fields import (
    Address,
    Digest,
    ExpiresIn,
    GivenMoment,
    GrantScope,
    Justification,
    Locale,
    MemberName,
    MembershipExpiresIn,
    Metadata,
    Moment,
    PersonalMessage,
    ResourceId,
    ResourceName,
    Role,
    TenantName,
)
from vestibule.web.api.policy_schema import PolicyDocument

GivenDeliver = Literal["email", "link"]
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


class GrantDocument(_Asked):
    """A role on a resource of the tenant, perhaps with an end (seconds from acceptance)."""

    resource_id: ResourceId
    role: Role
    expires_in: MembershipExpiresIn | None = None


class IssueInvitation(_Asked):
    """A pending grant, as its inviter wants it; everything else is the server's.

    Without `role` it only adds `grants` to somebody who is a member already.
    """

    email: Address
    role: Role | None = None
    grants: list[GrantDocument] = Field(default_factory=list, max_length=BUNDLE_MAX)
    justification: Justification | None = None
    membership_starts_at: GivenMoment | None = None
    message: PersonalMessage | None = None
    expires_in: ExpiresIn | None = None
    scope: GrantScope | None = None
    metadata: Metadata | None = None
    membership_expires_in: MembershipExpiresIn | None = None
    locale: Locale = "en"
    deliver: GivenDeliver = "email"


class EnsureInvitation(_Asked):
    """The role that an address shall have here."""

    role: Role
    message: PersonalMessage | None = None
    expires_in: ExpiresIn | None = None
    scope: GrantScope | None = None
    metadata: Metadata | None = None
    membership_expires_in: MembershipExpiresIn | None = None
    locale: Locale = "en"


class CorrectInvitation(_Asked):
    """The right address."""

    email: Address


class ResendInvitation(_Asked):
    """How to deliver it this time."""

    deliver: GivenDeliver = "email"
    email: Address | None = None


class DecideInvitation(_Asked):
    """The digest of the request that was looked at; another one is refused."""

    digest: Digest | None = None


class PutResource(_Asked):
    """A resource as its host names it."""

    name: ResourceName


class CloseReview(_Asked):
    """What the reviewer found."""

    note: PersonalMessage


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
    starts_at: Moment | None
    expires_at: Moment | None
    invitation_id: str | None


class AttendanceJson(_Told):
    """What became of the last invitation to one address."""

    email: str | None
    name: str | None
    role: str
    state: State
    invited_at: Moment
    answered_at: Moment | None
    is_member: bool


class OffboardedJson(_Told):
    """What offboarding did."""

    memberships_removed: int
    invitations_revoked: int
    sessions_ended: int
    last_owner_of: list[str] = Field(description="Tenants that need another owner.")


class SuppressionJson(_Told):
    """An address that no tenant's invitations are mailed to."""

    address: str
    reason: str
    created_at: Moment


class InvitationJson(_Told):
    """An invitation, as its tenant's administrators see it. Never its token."""

    invitation_id: str
    tenant_id: str
    state: State
    email: str | None
    role: str
    inviter_principal_id: str
    message: str | None
    scope: str | None
    metadata: dict[str, Any] | None
    locale: str
    membership_expires_in: int | None
    membership_starts_at: Moment | None
    justification: str | None
    grants: list[GrantDocument]
    corrects_id: str | None
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


class DecidedJson(InvitationJson):
    """The request after a decision: how many approvals count of those needed."""

    digest: str
    approvals_counted: int
    approvals_needed: int


class ApprovalJson(_Told):
    """One approval, and the digest that it approves."""

    approver_principal_id: str
    digest: str
    approved_at: Moment


class HeldJson(DecidedJson):
    """A held request as the caller sees it; `objection` says why the caller may not approve."""

    approvals: list[ApprovalJson]
    objection: str | None


class DriftJson(_Told):
    """Where what is differs from what was asked for."""

    field: str
    wanted: str | None
    actual: str | None


class EnsuredJson(_Told):
    """What is true of this address now; `ensured_id` is the same at every repeat."""

    ensured_id: str
    outcome: Literal["invited", "pending", "held", "member", "reinvited"]
    invitation_id: str | None
    principal_id: str | None
    drift: list[DriftJson]


class ResourceJson(_Told):
    """Something of a tenant's on which a role can be held."""

    tenant_id: str
    resource_id: str
    name: str
    created_at: Moment


class HeldGrantJson(_Told):
    """A role that a member holds on a resource."""

    resource_id: str
    role: str
    created_at: Moment
    expires_at: Moment | None
    invitation_id: str


class HeldGrantsJson(_Told):
    """All that a member holds beside its membership."""

    items: list[HeldGrantJson]


class ReviewJson(_Told):
    """A break-glass grant that somebody else must look at."""

    invitation_id: str
    principal_id: str
    role: str
    opened_at: Moment
    due_at: Moment
    reviewed_at: Moment | None
    reviewer_principal_id: str | None
    note: str | None


class OwnInvitationJson(_Told):
    """A pending invitation, as its invitee sees it."""

    invitation_id: str
    tenant_name: str
    role: str
    email: str | None
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
    email: str | None
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
