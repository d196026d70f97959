# SPDX-License-Identifier: Apache-2.0
"""A whole service on a real database, told as a story: who does what, and what is true after each step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

from tests.factories import make_context
from tests.invariants import check_invariants, check_replay
from tests.lanes import Act, Call, Claim, Lane
from vestibule.actions.delivery.claim_messages import claim_messages, give_back, settle_message
from vestibule.actions.delivery.prepare_letter import prepare_letter
from vestibule.actions.delivery.sweep import purge, sweep
from vestibule.actions.invitations.accept import Accepted, accept
from vestibule.actions.invitations.decide import Decided, approve, reject
from vestibule.actions.invitations.decline import decline
from vestibule.actions.invitations.issue import issue
from vestibule.actions.invitations.preview import InvitationPreview, preview
from vestibule.actions.invitations.request_new import request_new
from vestibule.actions.invitations.resend import resend
from vestibule.actions.invitations.review import InvitationView, OwnInvitation, list_invitations, list_own
from vestibule.actions.invitations.revoke import revoke
from vestibule.actions.members.offboard import Offboarded, offboard
from vestibule.actions.members.put_member import MemberDraft, put_member
from vestibule.actions.members.remove_member import remove_member
from vestibule.actions.tenants.end_tenant import delete_tenant, resume_tenant, suspend_tenant
from vestibule.actions.tenants.put_tenant import put_tenant
from vestibule.core.email import EmailAddress
from vestibule.core.identity import Actor, HostKey, IdempotencyRequest, VerifiedAddress, VerifiedIdentity
from vestibule.core.invitation import Deliver, InvitationDraft
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.limits import Limits
from vestibule.core.message import Letter
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Membership, Tenant
from vestibule.core.token import parse_claim_token
from vestibule.errors import ClaimRejectedError, RejectReason
from vestibule.ports import ClaimedMessage, ClaimKey, InvitationFilter
from vestibule.storage.schema import audit_events, metadata

T = TypeVar("T")
Link = ClaimKey | IssuedInvitation
PUBLIC_URL = "https://app.example"


def person(name: str, *addresses: str, **changes: Any) -> VerifiedIdentity:
    """Somebody whose address is their name at example.com, unless it is said otherwise."""
    verified = tuple(
        VerifiedAddress(address=EmailAddress.parse_input(text), evidence="host")
        for text in addresses or (f"{name}@example.com",)
    )
    return VerifiedIdentity(principal_id=name, addresses=verified, name=name.title(), **changes)


HOST = HostKey(key_id="host")
OLGA = person("olga")
ADAM = person("adam")
MIA = person("mia")
VERA = person("vera")
XENIA = person("xenia", "x@evil.example")


def key_of(link: Link) -> ClaimKey:
    """How a claim names this link."""
    if isinstance(link, ClaimKey):
        return link
    assert link.token is not None
    return ClaimKey(claim_token_hash=link.token.claim_token_hash)


def by_id(issued: IssuedInvitation) -> ClaimKey:
    """How a claim names an invitation among one's own."""
    return ClaimKey(invitation_id=issued.invitation.invitation_id)


def key_in(letter: Letter | None) -> ClaimKey:
    """The link that a letter carries."""
    assert letter is not None
    assert letter.link is not None
    token = parse_claim_token(letter.link.rpartition("/")[2])
    return ClaimKey(claim_token_hash=token.claim_token_hash)


class World:
    """Stories are told by ``do``: after each step every invariant is verified again."""

    def __init__(self, lane: Lane, limits: Limits | None = None) -> None:
        self.lane = lane
        self.limits = limits or Limits()
        self.context = make_context()
        self._seen: dict[str, int] = {}
        self._has_meddled = False

    # How things are done

    def do(self, call: Call[T] | Claim[T]) -> T:
        """Carry it out and look around."""
        try:
            return self.lane.do(call)
        finally:
            self.check()

    def refuse(self, claim: Claim[Any]) -> RejectReason:
        """Carry out a claim that must be refused; the reason that stands in the trail."""
        before = len(self.events("claim.rejected"))
        with pytest.raises(ClaimRejectedError) as refusal:
            self.do(claim)
        written = self.events("claim.rejected")[before:]
        assert [event["body"]["reason"] for event in written] in ([refusal.value.reason], [])
        return refusal.value.reason

    def race(self, *calls: Act) -> list[Any]:
        """Carry out all at once; look around when the dust has settled."""
        outcomes = self.lane.race(calls) if calls else []
        self.check()
        return outcomes

    def check(self) -> None:
        """Every invariant holds."""
        with self.lane.engine.connect() as connection:
            trail = check_invariants(connection)
        # Equal times within one act, and rows that move: the order of the trail is that of our looking.
        for event_id in trail:
            self._seen.setdefault(event_id, len(self._seen))

    def meddle(self) -> None:
        """Rows are written by hand from here on: no event explains them."""
        self._has_meddled = True

    def audit(self) -> None:
        """The events explain every row: asked when a story is over, unless its test wrote rows by hand."""
        if not self._has_meddled:
            with self.lane.engine.connect() as connection:
                check_replay(connection)

    def pass_time(self, seconds: float = 0, **more: float) -> None:
        """Nothing else moves the clock."""
        self.lane.pass_time(timedelta(seconds=seconds, **more).total_seconds())

    # What a tenant does

    def found(self, policy: Mapping[str, Any] | None = None, tenant: str = "acme") -> None:
        """A tenant with its owner Olga, its administrator Adam and its member Mia."""
        self.do(self.put_tenant(policy, tenant))
        for who, role in ((OLGA, "owner"), (ADAM, "admin"), (MIA, "member")):
            self.do(self.put_member(who, role, tenant))

    def put_tenant(
        self,
        policy: Mapping[str, Any] | None = None,
        tenant: str = "acme",
        name: str = "Acme",
        *,
        by: Actor = HOST,
    ) -> Call[tuple[Tenant, bool]]:
        return Call(
            "run",
            lambda uow: put_tenant(uow, by, tenant, name=name, policy=policy, context=self.context),
        )

    def put_member(
        self,
        who: VerifiedIdentity,
        role: str,
        tenant: str = "acme",
        *,
        by: Actor = HOST,
        expires_at: datetime | None = None,
    ) -> Call[tuple[Membership, bool]]:
        email = who.addresses[0].address if who.addresses else None
        draft = MemberDraft(role=role, email=email, name=who.name, expires_at=expires_at)
        return Call(
            "run",
            lambda uow: put_member(uow, by, tenant, who.principal_id, draft, context=self.context),
        )

    def remove(self, who: VerifiedIdentity, tenant: str = "acme", *, by: Actor = HOST) -> Call[None]:
        return Call("run", lambda uow: remove_member(uow, by, tenant, who.principal_id, context=self.context))

    def offboard(self, who: VerifiedIdentity, *, by: Actor = HOST) -> Call[Offboarded]:
        return Call("run", lambda uow: offboard(uow, by, who.principal_id, context=self.context))

    def suspend(self, tenant: str = "acme", *, by: Actor = HOST) -> Call[Tenant]:
        return Call("run", lambda uow: suspend_tenant(uow, by, tenant, context=self.context))

    def resume(self, tenant: str = "acme") -> Call[Tenant]:
        return Call("run", lambda uow: resume_tenant(uow, HOST, tenant, context=self.context))

    def delete(self, tenant: str = "acme") -> Call[None]:
        return Call("run", lambda uow: delete_tenant(uow, HOST, tenant, context=self.context))

    # What an administrator does

    def issue(
        self,
        email: str | VerifiedIdentity = VERA,
        role: str | None = "member",
        *,
        by: Actor = OLGA,
        tenant: str = "acme",
        deliver: Deliver = "link",
        once: IdempotencyRequest | None = None,
        **draft: Any,
    ) -> Call[IssuedInvitation]:
        address = EmailAddress.parse_input(email) if isinstance(email, str) else email.addresses[0].address
        wanted = InvitationDraft(email=address, role=role, deliver=deliver, **draft)
        return Call(
            "run",
            lambda uow: issue(
                uow, by, tenant, wanted, context=self.context, limits=self.limits, idempotency=once
            ),
        )

    def resend(
        self,
        issued: IssuedInvitation,
        *,
        by: Actor = OLGA,
        tenant: str = "acme",
        deliver: Deliver = "link",
    ) -> Call[IssuedInvitation]:
        return Call(
            "run",
            lambda uow: resend(
                uow,
                by,
                tenant,
                issued.invitation.invitation_id,
                deliver=deliver,
                context=self.context,
                limits=self.limits,
            ),
        )

    def revoke(self, issued: IssuedInvitation, *, by: Actor = OLGA, tenant: str = "acme") -> Call[None]:
        return Call(
            "run",
            lambda uow: revoke(uow, by, tenant, issued.invitation.invitation_id, context=self.context),
        )

    def list_all(
        self, *, by: Actor = OLGA, tenant: str = "acme", **wanted: Any
    ) -> Call[Page[InvitationView]]:
        return Call(
            "read",
            lambda uow: list_invitations(
                uow, by, tenant, InvitationFilter(**wanted), PageRequest(scope="invitations")
            ),
        )

    def approve(
        self, issued: IssuedInvitation, *, by: Actor, tenant: str = "acme", digest: str | None = None
    ) -> Call[Decided]:
        one = issued.invitation.invitation_id
        return Call("run", lambda uow: approve(uow, by, tenant, one, digest=digest, context=self.context))

    def reject(self, issued: IssuedInvitation, *, by: Actor, tenant: str = "acme") -> Call[Decided]:
        one = issued.invitation.invitation_id
        return Call("run", lambda uow: reject(uow, by, tenant, one, context=self.context))

    # What an invitee does

    def accept(self, who: Actor, link: Link) -> Claim[Accepted]:
        key = key_of(link)
        return Claim(lambda unit: accept(unit, who, key, context=self.context, limits=self.limits))

    def decline(self, who: Actor, link: Link) -> Claim[str]:
        key = key_of(link)
        return Claim(lambda unit: decline(unit, who, key, context=self.context, limits=self.limits))

    def preview(self, link: Link, who: VerifiedIdentity | None = None) -> Claim[InvitationPreview]:
        key = key_of(link)
        return Claim(lambda unit: preview(unit, who, key, context=self.context, limits=self.limits))

    def list_own(self, who: VerifiedIdentity) -> Call[Page[OwnInvitation]]:
        return Call("read", lambda uow: list_own(uow, who, PageRequest(scope="own")))

    def request_new(self, link: Link, who: VerifiedIdentity | None = None) -> Call[None]:
        hashed = key_of(link).claim_token_hash or b""
        return Call(
            "run", lambda uow: request_new(uow, who, hashed, context=self.context, limits=self.limits)
        )

    # What a worker does

    def claim_messages(
        self, worker: str = "worker", limit: int = 100, lease: timedelta = timedelta(minutes=5)
    ) -> Call[Sequence[ClaimedMessage]]:
        return Call("run", lambda uow: claim_messages(uow, worker=worker, limit=limit, lease=lease))

    def prepare(self, claimed: ClaimedMessage) -> Call[Letter | None]:
        return Call(
            "run", lambda uow: prepare_letter(uow, claimed, public_url=PUBLIC_URL, limits=self.limits)
        )

    def settle(
        self, claimed: ClaimedMessage, outcome: str = "sent", retry_in: timedelta | None = None
    ) -> Call[None]:
        return Call(
            "run",
            lambda uow: settle_message(uow, claimed, outcome, retry_in=retry_in, context=self.context),
        )

    def give_back(self, claimed: ClaimedMessage, *, due_in: timedelta = timedelta(0)) -> Call[None]:
        return Call("run", lambda uow: give_back(uow, claimed, due_in=due_in))

    def sweep(self, limit: int = 100) -> Call[int]:
        return Call("run", lambda uow: sweep(uow, limit=limit, context=self.context))

    def purge(self) -> Call[None]:
        return Call("run", purge)

    def deliver(self) -> list[Letter]:
        """What a worker with a good connection sends now."""
        sent = []
        for claimed in self.do(self.claim_messages()):
            letter = self.do(self.prepare(claimed))
            self.do(self.settle(claimed, "sent" if letter is not None else "dropped"))
            sent += [letter] if letter is not None else []
        return sent

    # What there is

    def rows(self, table: sa.Table, **columns: Any) -> list[dict[str, Any]]:
        """The rows with these values, in the order of their keys."""
        query = sa.select(table).order_by(*table.primary_key.columns)
        for name, value in columns.items():
            query = query.where(table.c[name] == value)
        with self.lane.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def events(self, kind: str | None = None, **columns: Any) -> list[dict[str, Any]]:
        """The trail in the order it was written, each with its body read."""
        wanted = {**columns, **({"kind": kind} if kind else {})}
        found = sorted(self.rows(audit_events, **wanted), key=lambda row: self._seen[row["event_id"]])
        return [{**row, "body": json.loads(row["body"])} for row in found]

    def execute(self, sql: str, **values: Any) -> None:
        """What no action does: the world's own hand. From then on the events don't explain everything."""
        self._has_meddled = True
        with self.lane.engine.begin() as connection:
            connection.execute(sa.text(sql), values)

    def seats(self, tenant: str = "acme") -> tuple[int, int] | None:
        """Used and allowed."""
        shards = self.rows(metadata.tables["vestibule_seat_shards"], tenant_id=tenant)
        if not shards:
            return None
        return sum(row["used"] for row in shards), sum(row["allowance"] for row in shards)

    def members(self, tenant: str = "acme") -> dict[str, str]:
        """Role by principal."""
        found = self.rows(metadata.tables["vestibule_memberships"], tenant_id=tenant)
        return {row["principal_id"]: row["role"] for row in found}

    def invitation(self, issued: IssuedInvitation) -> dict[str, Any]:
        """The stored row."""
        [row] = self.rows(
            metadata.tables["vestibule_invitations"], invitation_id=issued.invitation.invitation_id
        )
        return row

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table."""
        return {table.name: self.rows(table) for table in metadata.sorted_tables}
