# SPDX-License-Identifier: Apache-2.0
"""Invitations for Python applications: pending grants, verified identities, one transaction.

What a host application imports. The guide is docs/library.md.
"""

from __future__ import annotations

from vestibule.actions.invitations.accept import Accepted
from vestibule.actions.invitations.decide import Decided
from vestibule.actions.invitations.ensure import Drift, Ensured
from vestibule.actions.invitations.preview import InvitationPreview
from vestibule.actions.invitations.review import InvitationView, OwnInvitation
from vestibule.actions.invitations.review_held import HeldView
from vestibule.actions.members.offboard import Offboarded
from vestibule.actions.members.put_member import MemberDraft
from vestibule.core.email import EmailAddress
from vestibule.core.identity import HostKey, RequestContext, VerifiedAddress, VerifiedIdentity
from vestibule.core.invitation import Invitation, InvitationDraft, InvitationState, ResourceGrant
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.limits import Limit, Limits
from vestibule.core.message import Letter, Recipient
from vestibule.core.paging import Page
from vestibule.core.policy import Policy, parse_policy
from vestibule.core.resource import HeldGrant, Resource
from vestibule.core.tenant import Membership, Tenant
from vestibule.core.token import ClaimToken, parse_claim_token
from vestibule.delivery.retry import RetryPolicy
from vestibule.embedding import (
    Deliveries,
    HostAdministrators,
    HostMembers,
    HostMembersFactory,
    HostRemovals,
    HostSeats,
    Vestibule,
    host_identity,
    keep_refusals,
)
from vestibule.errors import (
    AlreadyMemberError,
    ClaimRejectedError,
    ConfigurationError,
    ConnectionRequiredError,
    CredentialsRejectedError,
    DeliveryError,
    DigestMismatchError,
    DirectoryBarredError,
    DirectoryConflictError,
    DomainNotAllowedError,
    DomainNotProvedError,
    EmailInvalidError,
    EmailUnverifiedError,
    EventOverError,
    FieldFault,
    IdempotencyKeyReusedError,
    InvalidRequestError,
    IssueRefusedError,
    JoinDecidedError,
    LastOwnerError,
    MisuseError,
    NotAuthenticatedError,
    NotFoundError,
    NotPendingError,
    NotPermittedError,
    PendingLimitError,
    PermanentDeliveryError,
    PolicyNotApprovedError,
    PolicyStaleError,
    ProviderError,
    RateLimitedError,
    RecipientBusyError,
    RejectReason,
    ReviewOverdueError,
    RoleNotAssignableError,
    SeatLimitError,
    StepUpRequiredError,
    SuppressedError,
    TenantDeletedError,
    TenantSuspendedError,
    TooSoonError,
    TransientDeliveryError,
    UnavailableError,
    VestibuleError,
)

__all__ = [
    "Accepted",
    "AlreadyMemberError",
    "ClaimRejectedError",
    "ClaimToken",
    "ConfigurationError",
    "ConnectionRequiredError",
    "CredentialsRejectedError",
    "Decided",
    "Deliveries",
    "DeliveryError",
    "DigestMismatchError",
    "DirectoryBarredError",
    "DirectoryConflictError",
    "DomainNotAllowedError",
    "DomainNotProvedError",
    "Drift",
    "EmailAddress",
    "EmailInvalidError",
    "EmailUnverifiedError",
    "Ensured",
    "EventOverError",
    "FieldFault",
    "HeldGrant",
    "HeldView",
    "HostAdministrators",
    "HostKey",
    "HostMembers",
    "HostMembersFactory",
    "HostRemovals",
    "HostSeats",
    "IdempotencyKeyReusedError",
    "InvalidRequestError",
    "Invitation",
    "InvitationDraft",
    "InvitationPreview",
    "InvitationState",
    "InvitationView",
    "IssueRefusedError",
    "IssuedInvitation",
    "JoinDecidedError",
    "LastOwnerError",
    "Letter",
    "Limit",
    "Limits",
    "MemberDraft",
    "Membership",
    "MisuseError",
    "NotAuthenticatedError",
    "NotFoundError",
    "NotPendingError",
    "NotPermittedError",
    "Offboarded",
    "OwnInvitation",
    "Page",
    "PendingLimitError",
    "PermanentDeliveryError",
    "Policy",
    "PolicyNotApprovedError",
    "PolicyStaleError",
    "ProviderError",
    "RateLimitedError",
    "Recipient",
    "RecipientBusyError",
    "RejectReason",
    "RequestContext",
    "Resource",
    "ResourceGrant",
    "RetryPolicy",
    "ReviewOverdueError",
    "RoleNotAssignableError",
    "SeatLimitError",
    "StepUpRequiredError",
    "SuppressedError",
    "Tenant",
    "TenantDeletedError",
    "TenantSuspendedError",
    "TooSoonError",
    "TransientDeliveryError",
    "UnavailableError",
    "VerifiedAddress",
    "VerifiedIdentity",
    "Vestibule",
    "VestibuleError",
    "host_identity",
    "keep_refusals",
    "parse_claim_token",
    "parse_policy",
]
