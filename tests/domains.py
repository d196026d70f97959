# SPDX-License-Identifier: Apache-2.0
"""Domains in a story: a tenant names them, a real name server answers for them, people find doors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.lanes import Call, Claim
from tests.nameserver import DnsServer
from tests.world import HOST, OLGA, World
from vestibule.actions.domains.check_domain import begin_check, finish_check, list_due, recheck
from vestibule.actions.domains.lapse_proofs import lapse_proofs
from vestibule.actions.domains.put_domain import put_domain, remove_domain
from vestibule.actions.domains.review_domains import get_domain, list_domains
from vestibule.actions.invitations.accept import Accepted, accept
from vestibule.actions.joining.approve_request import approve_join_request
from vestibule.actions.joining.ask_to_join import ask_to_join
from vestibule.actions.joining.list_doors import OpenDoor, list_doors
from vestibule.actions.joining.open_door import open_door
from vestibule.actions.joining.review_requests import JoinRequestView, list_join_requests, reject_join_request
from vestibule.core.domain import DomainAnswer, DomainDraft, DomainView, Rung, TenantDomain
from vestibule.core.identity import Actor, VerifiedIdentity
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.joining import JoinApproval, JoinRequestState
from vestibule.core.paging import Page, PageRequest
from vestibule.identity.domains import WorldNames
from vestibule.ports import ClaimKey


class Domains:
    """What is done with domains in *world*; *server* answers for all of them."""

    def __init__(self, world: World, server: DnsServer) -> None:
        self.world = world
        self.server = server
        self.names = WorldNames((server.server,), patience=1.0)

    # What an owner does

    def put(
        self,
        domain: str = "acme.com",
        rung: Rung | None = None,
        role: str | None = None,
        *,
        by: Actor = OLGA,
        tenant: str = "acme",
    ) -> Call[tuple[DomainView, bool]]:
        draft = DomainDraft(rung=rung, role=role)
        return Call(
            "run",
            lambda uow: put_domain(
                uow, by, tenant, domain, draft, names=self.names, context=self.world.context
            ),
        )

    def remove(self, domain: str = "acme.com", *, by: Actor = OLGA, tenant: str = "acme") -> Call[None]:
        return Call("run", lambda uow: remove_domain(uow, by, tenant, domain, context=self.world.context))

    def get(self, domain: str = "acme.com", *, by: Actor = OLGA, tenant: str = "acme") -> TenantDomain:
        return self.world.do(Call("read", lambda uow: get_domain(uow, by, tenant, domain))).domain

    def list_all(self, *, by: Actor = OLGA, tenant: str = "acme") -> Page[DomainView]:
        wanted = PageRequest(scope="domains")
        return self.world.do(Call("read", lambda uow: list_domains(uow, by, tenant, wanted)))

    def publish(self, domain: str = "acme.com", *, tenant: str = "acme") -> None:
        """The tenant's record stands in the zone, beside what stands there."""
        found = self.get(domain, tenant=tenant, by=HOST)
        before = [text.strip('"') for text in self.server.zone.texts.get(found.record_name, [])]
        self.server.publish(found.record_name, *before, found.record_value)

    def check(self, domain: str = "acme.com", *, by: Actor = OLGA, tenant: str = "acme") -> TenantDomain:
        """Look now, as the route does."""
        begun = self.world.do(
            Call(
                "run",
                lambda uow: begin_check(uow, by, tenant, domain, names=self.names, limits=self.world.limits),
            )
        )
        answer = asyncio.run(self.names.look_up(begun.record_name))
        return self.world.do(
            Call("run", lambda uow: finish_check(uow, by, begun, answer, context=self.world.context))
        ).domain

    def prove(self, domain: str = "acme.com", *, by: Actor = OLGA, tenant: str = "acme") -> TenantDomain:
        """Name the domain, publish its record, have it looked for."""
        self.world.do(self.put(domain, by=by, tenant=tenant))
        self.publish(domain, tenant=tenant)
        proved = self.check(domain, by=by, tenant=tenant)
        assert proved.is_proved(self.world.lane.now())
        return proved

    def open(self, rung: Rung = Rung.AUTO_JOIN, domain: str = "acme.com", **changes: Any) -> None:
        """A proved domain on that rung."""
        self.prove(domain, **{name: changes[name] for name in ("by", "tenant") if name in changes})
        self.world.do(self.put(domain, rung, **changes))

    # What the worker does

    def list_due(self) -> Sequence[TenantDomain]:
        return self.world.do(Call("read", lambda uow: list_due(uow, limit=100)))

    def recheck(self, due: TenantDomain, answer: DomainAnswer) -> None:
        self.world.do(
            Call("run", lambda uow: recheck(uow, due, answer, names=self.names, context=self.world.context))
        )

    def tend(self) -> int:
        """Look again for what is due, and record what has lapsed; how many lapsed."""
        for due in self.list_due():
            self.recheck(due, asyncio.run(self.names.look_up(due.record_name)))
        return self.world.do(self.lapse())

    def lapse(self) -> Call[int]:
        return Call("run", lambda uow: lapse_proofs(uow, limit=100, context=self.world.context))

    # What people do

    def doors(self, who: VerifiedIdentity) -> list[OpenDoor]:
        wanted = PageRequest(scope="doors")
        return list(self.world.do(Call("read", lambda uow: list_doors(uow, who, wanted))).items)

    def ask(self, who: Actor, tenant: str = "acme") -> Call[None]:
        return Call(
            "run",
            lambda uow: ask_to_join(uow, who, tenant, context=self.world.context, limits=self.world.limits),
        )

    # What administrators do with requests

    def requests(
        self,
        state: JoinRequestState | None = JoinRequestState.OPEN,
        *,
        by: Actor = OLGA,
        tenant: str = "acme",
    ) -> list[JoinRequestView]:
        wanted = PageRequest(scope="join_requests")
        return list(
            self.world.do(Call("read", lambda uow: list_join_requests(uow, by, tenant, state, wanted))).items
        )

    def reject(self, request_id: str, *, by: Actor = OLGA, tenant: str = "acme") -> Call[None]:
        return Call(
            "run",
            lambda uow: reject_join_request(uow, by, tenant, request_id, context=self.world.context),
        )

    def approve(
        self, request_id: str, role: str = "member", *, by: Actor = OLGA, tenant: str = "acme", **more: Any
    ) -> Call[IssuedInvitation]:
        approval = JoinApproval(role=role, **more)
        return Call(
            "run",
            lambda uow: approve_join_request(
                uow, by, tenant, request_id, approval, context=self.world.context, limits=self.world.limits
            ),
        )

    def open_door(self, who: Actor, tenant: str = "acme") -> Call[str]:
        return Call(
            "run",
            lambda uow: open_door(uow, who, tenant, context=self.world.context, limits=self.world.limits),
        )

    def join(self, who: Actor, tenant: str = "acme") -> Accepted:
        """What the route does: the rule promises, the person accepts."""
        return self.world.do(self.accept(who, self.world.do(self.open_door(who, tenant))))

    def accept(self, who: Actor, invitation_id: str) -> Claim[Accepted]:
        key = ClaimKey(invitation_id=invitation_id)
        return Claim(
            lambda unit: accept(unit, who, key, context=self.world.context, limits=self.world.limits)
        )
