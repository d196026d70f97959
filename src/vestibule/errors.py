# SPDX-License-Identifier: Apache-2.0
"""Every exception of Vestibule, in one tree.

VestibuleError                     what a caller may handle; carries a stable ``code``
  NotAuthenticatedError            no verified identity and no key
    StepUpRequiredError            the session is too old or too weak for this
  EmailUnverifiedError             a session without a single verified address
  NotPermittedError                the actor may not do this here
    RoleNotAssignableError         the policy does not let this role grant that one
    ReviewOverdueError             an earlier break-glass grant has not been reviewed
    ConnectionRequiredError        the tenant wants another way of signing in
  NotFoundError                    unknown, or another tenant's
  InvalidRequestError              malformed before any rule was consulted
    EmailInvalidError
    IdempotencyKeyReusedError
  IssueRefusedError                well-formed, permitted, still no
    DomainNotAllowedError
    AlreadyMemberError
    DirectoryBarredError
    SeatLimitError
    PendingLimitError
    EventOverError
    TenantSuspendedError
  NotPendingError                  the invitation has left the state this needs
  DigestMismatchError              the request is not the one that was shown
  DirectoryConflictError           two users of one name in a tenant's directory
  TenantDeletedError               a deleted tenant's id can't be used again
  LastOwnerError                   a tenant never loses its last owner
  PolicyStaleError                 the policy is no longer the one this was proposed against
  PolicyNotApprovedError           what loosens waits for a second person
  DomainNotProvedError             this rung of a domain needs a live proof
  JoinDecidedError                 a request to join was decided before
  RateLimitedError                 carries when to try again
    TooSoonError
  ClaimRejectedError               every failed claim; private ``reason``
  CredentialsRejectedError         a failed sign-in or code; no reason at all
  ProviderError                    an identity provider is dead, or says what can't be believed
  KeyMissingError                  no key of this purpose is in use
  KeyStateError                    the key is not in the state that this needs
  KeyProviderError                 whoever holds the private keys can't answer
  UnavailableError                 the database could not answer
ConfigurationError                 an operator's mistake, named, found at start-up
DeliveryError                      inside the worker only
  TransientDeliveryError
    RecipientBusyError
  PermanentDeliveryError
    SuppressedError
MisuseError (RuntimeError)         a bug in the calling code; never mapped
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class RejectReason(StrEnum):
    """The private reason behind a refusal: for audit and metrics, never for the caller."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DECLINED = "declined"
    CONSUMED = "consumed"
    TENANT_SUSPENDED = "tenant_suspended"
    TENANT_DELETED = "tenant_deleted"
    INVITER_GONE = "inviter_gone"
    INVITER_NOT_ENTITLED = "inviter_not_entitled"
    ROLE_GONE = "role_gone"
    WRONG_RECIPIENT = "wrong_recipient"
    WRONG_CONNECTION = "wrong_connection"
    DOMAIN_NOT_ALLOWED = "domain_not_allowed"
    PRINCIPAL_OFFBOARDED = "principal_offboarded"
    RECIPIENT_BARRED = "recipient_barred"
    OWNER_KEPT = "owner_kept"
    NO_SEAT = "no_seat"
    NOT_APPROVED = "not_approved"
    BOUND_TO_ANOTHER = "bound_to_another"
    NOT_A_MEMBER = "not_a_member"
    TARGET_GONE = "target_gone"
    EVENT_OVER = "event_over"
    STEP_UP_REQUIRED = "step_up_required"
    LOST_RACE = "lost_race"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field at fault: a JSON pointer (RFC 6901) and what to do about it."""

    pointer: str
    message: str


class VestibuleError(Exception):
    """The request could not be carried out."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class NotAuthenticatedError(VestibuleError):
    """Sign in first: this needs an authenticated caller."""

    code = "unauthenticated"


class StepUpRequiredError(NotAuthenticatedError):
    """Sign in again, freshly and as strongly as this asks for (RFC 9470)."""

    code = "step_up_required"

    def __init__(self, *, max_age: int | None = None, amr_any: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.max_age = max_age
        self.amr_any = amr_any


class EmailUnverifiedError(VestibuleError):
    """No address of this session is verified; verify one and try again."""

    code = "email_unverified"


class NotPermittedError(VestibuleError):
    """Your role does not allow this here."""

    code = "not_permitted"


class RoleNotAssignableError(NotPermittedError):
    """Your role may not grant that role by invitation."""

    code = "role_not_assignable"


class ConnectionRequiredError(NotPermittedError):
    """This tenant wants you to sign in through its own identity provider."""

    code = "connection_required"

    def __init__(self, connection_id: str) -> None:
        super().__init__()
        self.connection_id = connection_id


class ReviewOverdueError(NotPermittedError):
    """Your last break-glass grant has not been reviewed in time; have it reviewed first."""

    code = "review_overdue"


class NotFoundError(VestibuleError):
    """There is no such thing here, or it is not yours to see."""

    code = "not_found"


class InvalidRequestError(VestibuleError):
    """The request is malformed; each field at fault is named."""

    code = "invalid_request"

    def __init__(self, *faults: FieldFault, message: str | None = None) -> None:
        super().__init__(message or (faults[0].message if faults else None))
        self.faults = faults


class EmailInvalidError(InvalidRequestError):
    """That is not an address mail can be sent to."""

    code = "email_invalid"


class IdempotencyKeyReusedError(InvalidRequestError):
    """This Idempotency-Key was used with another body; choose a new one."""

    code = "idempotency_key_reused"


class IssueRefusedError(VestibuleError):
    """The invitation can't be issued."""

    code = "issue_refused"


class DomainNotAllowedError(IssueRefusedError):
    """The tenant does not admit addresses of that domain."""

    code = "domain_not_allowed"


class AlreadyMemberError(IssueRefusedError):
    """That address already belongs to a member of this tenant."""

    code = "already_member"


class SeatLimitError(IssueRefusedError):
    """The tenant has no free seat; remove a member or raise the limit."""

    code = "seat_limit"


class DirectoryBarredError(IssueRefusedError):
    """The tenant's directory has deactivated that address; reactivate it there first."""

    code = "directory_barred"


class PendingLimitError(IssueRefusedError):
    """The tenant has too many pending invitations; revoke some first."""

    code = "pending_limit"


class EventOverError(IssueRefusedError):
    """The tenant's event admits nobody any more."""

    code = "event_over"


class TenantSuspendedError(IssueRefusedError):
    """The tenant is suspended; nothing can be issued until it is resumed."""

    code = "tenant_suspended"


class NotPendingError(VestibuleError):
    """The invitation is no longer pending; issue a new one."""

    code = "not_pending"


class DigestMismatchError(VestibuleError):
    """The request has changed since it was shown; look at it again before you decide."""

    code = "digest_mismatch"


class DirectoryConflictError(VestibuleError):
    """The directory has another user of that name."""

    code = "directory_conflict"


class TenantDeletedError(VestibuleError):
    """A deleted tenant's id can't be used again; choose another."""

    code = "tenant_deleted"


class LastOwnerError(VestibuleError):
    """A tenant never loses its last owner; make somebody else an owner first."""

    code = "last_owner"


class DomainNotProvedError(VestibuleError):
    """This needs a live proof of the domain; publish its TXT record and check it first."""

    code = "domain_not_proved"


class JoinDecidedError(VestibuleError):
    """This request was decided before."""

    code = "join_decided"


class PolicyStaleError(VestibuleError):
    """The policy has changed since this was proposed, or it was settled already; propose it again."""

    code = "policy_stale"


class PolicyNotApprovedError(VestibuleError):
    """This change loosens the policy; a second person has to approve it first."""

    code = "policy_not_approved"


class RateLimitedError(VestibuleError):
    """Too many requests; wait and try again."""

    code = "rate_limited"

    def __init__(self, retry_after: int, *, limit: int = 0, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = max(1, retry_after)
        self.limit = limit


class TooSoonError(RateLimitedError):
    """This invitation was sent again a moment ago; wait before the next time."""

    code = "too_soon"


class ClaimRejectedError(VestibuleError):
    """This invitation is invalid or no longer valid."""

    code = "invitation_unavailable"

    def __init__(self, reason: RejectReason) -> None:
        super().__init__()
        self.reason = reason

    def __repr__(self) -> str:
        return "ClaimRejectedError()"


class CredentialsRejectedError(VestibuleError):
    """That did not match; check it and try again."""

    code = "credentials_rejected"


class ProviderError(VestibuleError):
    """The identity provider can't be used now; nobody was signed in."""

    code = "provider_failed"

    def __init__(self, finding: str, message: str | None = None) -> None:
        super().__init__(message)
        self.finding = finding


class KeyMissingError(VestibuleError):
    """No key of this purpose is in use; the operator makes one with `vestibule keys create`."""

    code = "key_missing"


class KeyStateError(VestibuleError):
    """The key is not in the state that this needs; look at `vestibule keys list`."""

    code = "key_state"


class KeyProviderError(VestibuleError):
    """The key provider can't answer now; nothing was changed, try again shortly."""

    code = "key_provider_failed"

    def __init__(self, finding: str) -> None:
        super().__init__()
        self.finding = finding


class UnavailableError(VestibuleError):
    """The service can't reach its database; nothing was changed, try again shortly."""

    code = "unavailable"


class ConfigurationError(Exception):
    """A setting is missing or wrong: names the setting and says what to do."""

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"{setting}: {problem}. {remedy}")
        self.setting = setting
        self.problem = problem
        self.remedy = remedy


class DeliveryError(Exception):
    """A message could not be delivered."""


class TransientDeliveryError(DeliveryError):
    """It may work later."""


class RecipientBusyError(TransientDeliveryError):
    """The recipient has had enough mail for now; carries when to go on."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = max(1, retry_after)


class PermanentDeliveryError(DeliveryError):
    """It will never work."""


class SuppressedError(PermanentDeliveryError):
    """The recipient wants no such mail."""


class MisuseError(RuntimeError):
    """The calling code is wrong; never caught, never shown."""
