# SPDX-License-Identifier: Apache-2.0
"""What actions need from the outside, as protocols. ``storage`` implements them; hosts may replace members.

Every method runs inside the unit of work it belongs to and commits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Concatenate, Literal, ParamSpec, Protocol, Self, TypeVar

from vestibule.core.account import Account, ApiKey, Challenge
from vestibule.core.binding import Decision, Grant, Snapshot
from vestibule.core.email import EmailAddress
from vestibule.core.event import AuditEvent, EventRecord
from vestibule.core.identity import Actor, IdempotencyRequest, RequestContext, VerifiedIdentity
from vestibule.core.invitation import Invitation, InvitationDraft, InvitationState
from vestibule.core.limits import Hit
from vestibule.core.message import OutboxMessage
from vestibule.core.paging import Page, PageRequest
from vestibule.core.policy import Policy
from vestibule.core.tenant import Membership, Tenant

Lock = Literal["none", "share", "update"]


class Tenants(Protocol):
    """Tenants, their policy and their state."""

    def find(self, tenant_id: str, *, lock: Lock = "none") -> Tenant | None:
        """The tenant whatever its state; with a lock, held until the transaction ends."""

    def put(self, tenant_id: str, *, name: str, policy: Policy, policy_version: int) -> None:
        """Write name and policy; the seat ledger follows the policy's limit."""

    def set_suspended(self, tenant_id: str, *, suspended: bool) -> bool:
        """Whether the state changed."""

    def set_deleted(self, tenant_id: str) -> bool:
        """Whether the state changed; there is no way back."""

    def list_administrators(self, tenant_id: str, roles: Iterable[str]) -> Sequence[str]:
        """At most 50 principal ids of members in force with one of *roles*, the oldest first."""

    def seats(self, tenant_id: str) -> tuple[int, int] | None:
        """Seats used and allowed, or None without a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalRecord:
    """What was last asserted of a principal; for notices and ``already_member``, never to let in."""

    principal_id: str
    name: str | None
    addresses: tuple[str, ...]
    offboarded_at: datetime | None


class Principals(Protocol):
    """What is remembered of principals."""

    def find(self, principal_id: str) -> PrincipalRecord | None: ...

    def remember(self, identity: VerifiedIdentity) -> None:
        """Keep the name and verified addresses as last asserted."""

    def set_offboarded(self, principal_id: str, *, offboarded: bool) -> None: ...


class Members(Protocol):
    """Memberships: our own table, or the host's by the same few methods."""

    def find(self, tenant_id: str, principal_id: str) -> Membership | None:
        """The membership whatever its end."""

    def find_by_address(self, tenant_id: str, address: EmailAddress, now: datetime) -> Membership | None:
        """A member in force one of whose verified addresses is *address*."""

    def put(self, membership: Membership) -> None:
        """Write the membership by an administrative act. Raises SeatLimitError when a new one has no seat."""

    def remove(self, tenant_id: str, principal_id: str) -> bool:
        """Whether there was one; its seat is free again."""

    def set_suspended(self, tenant_id: str, principal_id: str) -> None:
        """Keep the row, take its force."""

    def has_other_owner(self, tenant_id: str, principal_id: str) -> bool:
        """Is there a lasting owner in force beside *principal_id*? Owners' rows stay locked until the end."""

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[Membership]: ...

    def list_of_principal(self, principal_id: str) -> Sequence[Membership]: ...

    def end_expired(self, limit: int) -> Sequence[Membership]:
        """Delete memberships past their end and give them back; their seats are free again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationFilter:
    """What a tenant's list of invitations shows."""

    state: InvitationState | None = None
    email: EmailAddress | None = None


class Invitations(Protocol):
    """Pending grants and what became of them. Every change is conditional and says whether it happened."""

    def find(self, tenant_id: str, invitation_id: str) -> Invitation | None:
        """Bound to the tenant: another tenant's id finds nothing (TEN-06)."""

    def get_by_id(self, invitation_id: str) -> Invitation:
        """Across tenants: for the invitee's own list and for delivery only. Raises NotFoundError."""

    def supersede(self, tenant_id: str, email: EmailAddress, target: str) -> Sequence[str]:
        """End what is open for this target: stale ones as expired, pending ones as superseded.

        Returns the ids of those superseded. Their hashes are rotated away.
        """

    def add(
        self,
        invitation: Invitation,
        *,
        target: str,
        context: RequestContext,
        claim_token_hash: bytes | None,
        reserves_seat: bool,
    ) -> bool:
        """False when another pending invitation for the target got in between."""

    def reserve_seat(self, tenant_id: str) -> bool:
        """Take a seat for a pending invitation; false when there is none."""

    def renew(
        self, invitation: Invitation, *, lifetime: int, policy_version: int, claim_token_hash: bytes | None
    ) -> Invitation | None:
        """Raise the generation, replace the hash, start the window anew; None when no longer pending."""

    def revoke(self, tenant_id: str, invitation_id: str, reason: str) -> bool: ...

    def revoke_of_tenant(self, tenant_id: str, reason: str) -> Sequence[tuple[str, str]]: ...

    def revoke_of_inviter(
        self, principal_id: str, reason: str, *, tenant_id: str | None = None, roles: Iterable[str] | None = None
    ) -> Sequence[tuple[str, str]]:
        """Revoke what this inviter has pending, perhaps only for *roles*: (tenant id, invitation id) each."""

    def revoke_of_addresses(
        self, addresses: Iterable[str], reason: str, *, tenant_id: str | None = None
    ) -> Sequence[tuple[str, str]]: ...

    def list_of_tenant(
        self, tenant_id: str, wanted: InvitationFilter, request: PageRequest
    ) -> Page[Invitation]: ...

    def list_of_addresses(
        self, addresses: Iterable[EmailAddress], request: PageRequest
    ) -> Page[tuple[Invitation, Tenant]]:
        """Pending invitations of active tenants to any of *addresses*, the newest first."""

    def count_pending(self, tenant_id: str, ceiling: int) -> int:
        """How many are pending, counted up to *ceiling*."""

    def claim_renewal(self, claim_token_hash: bytes) -> tuple[str, str] | None:
        """(tenant id, invitation id) behind a hash, for "ask for a new one"; always one look-up."""

    def set_token(self, invitation_id: str, generation: int, claim_token_hash: bytes) -> bool:
        """Store the hash on the still-pending record and generation (ruling 2)."""

    def record_sent(self, invitation_id: str, generation: int) -> None: ...

    def record_expired(self, limit: int) -> Sequence[tuple[str, str]]:
        """Mark what the clock has ended, once each: (tenant id, invitation id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimKey:
    """How a claim names its grant: by the hash of the link's token, or by id among one's own."""

    claim_token_hash: bytes | None = None
    invitation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One accepted claim, ready to be written as a whole."""

    key: ClaimKey
    now: datetime
    grant: Grant
    decision: Decision
    identity: VerifiedIdentity
    holds_seat: bool
    existing_role: str | None
    seat_shard: int | None
    event: EventRecord
    notice: OutboxMessage


class Claims(Protocol):
    """The two operations behind accepting (DESIGN.md section 3)."""

    def load(self, key: ClaimKey, principal_id: str) -> Snapshot:
        """Everything a decision needs: one statement, the same for a known and an unknown link."""

    def settle_accept(self, settlement: Settlement) -> bool:
        """Consume, membership, seat, audit and outbox as one logical write; False when the race was lost."""

    def settle_decline(self, settlement: Settlement) -> bool:
        """The same without membership and seat."""

    def settle_refusal(self, hits: Sequence[Hit], event: EventRecord | None) -> int | None:
        """Count a wrong try and write its event; seconds to wait when a limit is exceeded (then no event)."""

    def release_stale_seats(self, tenant_id: str, stamp: EventStamp) -> int:
        """Free the seats of what the clock has ended and no sweeper has recorded yet; how many."""


class Audit(Protocol):
    """The append-only trail."""

    def append(self, event: AuditEvent, *, actor: Actor | str, context: RequestContext) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """An outbox row that one worker holds until its lease ends."""

    message_id: str
    attempt: int
    message: OutboxMessage


class Outbox(Protocol):
    """Promises to deliver."""

    def put(self, message: OutboxMessage) -> None: ...

    def claim(self, *, worker: str, limit: int, lease: timedelta) -> Sequence[ClaimedMessage]:
        """Take due messages for a while; a crash costs one attempt (the lease runs out)."""

    def settle(self, message_id: str, outcome: str, *, retry_in: timedelta | None = None) -> None:
        """Record the outcome; with *retry_in* the message becomes due again."""

    def lag(self) -> tuple[int, float]:
        """How many are due, and the age in seconds of the oldest."""


class RateLimits(Protocol):
    """GCRA counters."""

    def take(self, hits: Sequence[Hit]) -> int | None:
        """Count one hit on each; seconds to wait when any limit is exceeded."""

    def purge(self) -> int:
        """Forget subjects whose window has passed."""


class Idempotency(Protocol):
    """Answers kept for repeats (ISS-11)."""

    def claim(self, request: IdempotencyRequest) -> str | None:
        """None when this is the first; the kept answer of the first otherwise.

        Raises IdempotencyKeyReusedError when the body differs. A concurrent first is waited for.
        """

    def keep(self, request: IdempotencyRequest, answer: str) -> None: ...

    def purge(self) -> int:
        """Forget what is too old to be repeated."""


class Accounts(Protocol):
    """Built-in local accounts, their sessions and one-time codes."""

    def find_by_address(self, address: EmailAddress) -> Account | None: ...

    def find(self, account_id: str) -> Account | None: ...

    def add(self, account: Account) -> bool:
        """False when the address has an account already."""

    def add_challenge(self, challenge: Challenge, *, tries: int, lifetime: timedelta) -> None: ...

    def find_challenge(self, challenge_hash: bytes) -> Challenge | None:
        """A live one: neither used nor expired nor out of tries."""

    def get_challenge(self, challenge_id: str) -> Challenge:
        """A live one by id, for delivery. Raises NotFoundError."""

    def set_code(self, challenge_id: str, code_hash: str) -> bool: ...

    def count_try(self, challenge_id: str) -> bool:
        """Spend one try, conditionally; false when none is left."""

    def use_challenge(self, challenge_id: str) -> bool: ...

    def add_session(self, session_hash: bytes, account_id: str, *, lifetime: timedelta) -> None: ...

    def find_session(self, session_hash: bytes) -> tuple[Account, datetime] | None:
        """The account behind a live session, and when it authenticated."""

    def end_session(self, session_hash: bytes) -> None: ...

    def end_sessions_of(self, account_id: str) -> int: ...

    def purge(self) -> int:
        """Forget dead sessions and challenges."""


class ApiKeys(Protocol):
    """Keys of host backends; only hashes are stored."""

    def add(self, key: ApiKey, key_hash: bytes) -> None: ...

    def find(self, key_hash: bytes) -> ApiKey | None: ...

    def list_all(self) -> Sequence[ApiKey]: ...

    def revoke(self, key_id: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStamp:
    """Who and which request, for events that a statement writes by itself."""

    actor_id: str
    correlation_id: str
    source: str


class ClaimUnit(Protocol):
    """What preview, accept and decline need: claims, and a commit."""

    claims: Claims

    def commit(self) -> None: ...


class UnitOfWork(Protocol):
    """One transaction and its stores. Entering opens it, leaving rolls back what was not committed."""

    tenants: Tenants
    principals: Principals
    members: Members
    invitations: Invitations
    claims: Claims
    audit: Audit
    outbox: Outbox
    limits: RateLimits
    idempotency: Idempotency
    accounts: Accounts
    api_keys: ApiKeys

    def purge(self) -> None:
        """Forget dead sessions, codes, counters and kept answers."""

    def now(self) -> datetime:
        """The database's clock, read once per unit of work (call it after the locks are held)."""

    def commit(self) -> None:
        """Make it so; at most once. A unit of work that joins a host's transaction only flushes."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Runner(Protocol):
    """Runs actions from the event loop; ``bootstrap`` decides how, nothing else knows."""

    async def run(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """One action in one unit of work; deadlocks and serialization failures are tried again."""

    async def read(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """The same for an action that only reads."""

    async def claim(
        self,
        action: Callable[Concatenate[ClaimUnit, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """The same for an action that needs nothing but claims: the shortest road there is."""


class AssertionVerifier(Protocol):
    """Host assertions (DESIGN.md section 5, callers b)."""

    def verify(self, jws: str) -> VerifiedIdentity:
        """Who the host says this is. Raises NotAuthenticatedError for everything that is wrong."""


class Passwords(Protocol):
    """Slow hashing; call it outside transactions and off the event loop."""

    def hash_password(self, text: str) -> str: ...

    def verify_password(self, stored: str | None, text: str) -> bool:
        """Takes the same time when there is nothing stored."""

    def check_password_strength(self, text: str, *, address: EmailAddress) -> None:
        """Raises InvalidRequestError with the pointer ``/password``."""

    def hash_code(self, code: str) -> str: ...

    def verify_code(self, stored: str | None, code: str) -> bool: ...


__all__ = [
    "Accounts",
    "ApiKeys",
    "AssertionVerifier",
    "Audit",
    "ClaimKey",
    "ClaimUnit",
    "ClaimedMessage",
    "Claims",
    "EventStamp",
    "Idempotency",
    "InvitationDraft",
    "InvitationFilter",
    "Invitations",
    "Lock",
    "Members",
    "Outbox",
    "Passwords",
    "PrincipalRecord",
    "Principals",
    "RateLimits",
    "Runner",
    "Settlement",
    "Tenants",
    "UnitOfWork",
]
