# SPDX-License-Identifier: Apache-2.0
"""What a worker does, told so that a separated one can do it: mails, sweeps, proofs, what nobody waits for."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx2
import sqlalchemy as sa

from tests.web.harness import PLATFORM, Person
from tests.web.separated import SeparatedWorld
from tests.web.test_mail import find_token
from vestibule.actions.delivery.sweep import purge, sweep
from vestibule.actions.domains.check_domain import list_due, recheck
from vestibule.actions.domains.lapse_proofs import lapse_proofs
from vestibule.actions.invitations.decide import list_waited, release_waited
from vestibule.actions.keys.turn_keys import create_key
from vestibule.actions.privacy.erase_person import anonymise_final
from vestibule.actions.privacy.rewrap import rewrap
from vestibule.core.domain import DomainAnswer
from vestibule.core.identity import HostKey, RequestContext
from vestibule.core.token import parse_claim_token
from vestibule.delivery.keys import KeyKeeper
from vestibule.keys.proving import prove_key
from vestibule.ports import KeyProvider
from vestibule.storage.runners import PlainRunner
from vestibule.storage.schema import audit_events, domains, grants, invitations, keys, memberships
from vestibule.web.pages.invitation import make_claim_ref

_CONTEXT = RequestContext(correlation_id="tests", source="worker")
_PASSED = timedelta(minutes=1)


def mailed(world: SeparatedWorld) -> None:
    """The link comes by mail and lets the invitee in; somebody new proves an address by a code."""
    owner, vera = world.new_person("owner"), world.new_person("vera")
    tenant_id = world.new_tenant(owner=owner)
    body = {"email": vera.emails[0], "role": "member"}
    assert world.call("POST", f"/v1/tenants/{tenant_id}/invitations", owner, body=body).status_code == 201
    token = find_token(world.read_mail(vera.emails[0]).part())
    assert world.call("POST", f"/v1/invitations/{token}/accept", vera).status_code == 204
    assert world.has_member(tenant_id, vera)
    assert "accepted" in world.read_mail(owner.emails[0]).part()
    _join_by_page(world, tenant_id, owner)


def _join_by_page(world: SeparatedWorld, tenant_id: str, owner: Person) -> None:
    """Somebody without an account: link, sign-up, code by mail, accept."""
    newcomer = f"{world.fresh('new')}@people.example"
    invited = world.invite(tenant_id, owner, newcomer)
    cookies: dict[str, str] = {}

    def ask(method: str, path: str, **form: str) -> httpx2.Response:
        headers = {
            "sec-fetch-site": "same-origin",
            "cookie": "; ".join(f"{k}={v}" for k, v in cookies.items()),
        }
        answer = world.client.request(method, path, data=form or None, headers=headers)
        for told in answer.headers.get_list("set-cookie"):
            name, _, value = told.partition(";")[0].partition("=")
            cookies[name] = value
        assert (path, answer.status_code < 400) == (path, True)
        return answer

    ask("GET", f"/i/{invited.token}")
    ask("POST", "/sign-up", name="New", password="a quite long password")
    code = re.search(r"\b\d{4} \d{4}\b", world.read_mail(newcomer).part())
    assert code is not None
    ask("POST", "/verify", code=code[0])
    ask("POST", "/invitation/accept", claim_ref=make_claim_ref(parse_claim_token(invited.token)))
    listed = world.call("GET", f"/v1/tenants/{tenant_id}/members", owner).json()["items"]
    assert newcomer in {one["email"] for one in listed}


def swept(world: SeparatedWorld) -> None:
    """What the clock has ended is recorded, announced, forgotten and released."""
    owner, ending, ended = (world.new_person(stem) for stem in ("owner", "ending", "ended"))
    tenant_id = world.new_tenant(
        owner=owner, seat_limit=50, seats_count_pending=True, single_owner_bootstrap=3600
    )
    for who in (ending, ended):
        world.put_member(tenant_id, who, "admin")
    late, orphan = (world.invite(tenant_id, by, world.new_person().emails[0]) for by in (owner, ended))
    body = {"email": world.new_person().emails[0], "role": "owner"}
    held = world.call("POST", f"/v1/tenants/{tenant_id}/invitations", owner, body=body).json()
    assert held["state"] == "held"
    assert world.call(
        "PUT", f"/v1/tenants/{tenant_id}/resources/wiki", PLATFORM, body={"name": "W"}
    ).is_success
    world.open_domain(tenant_id, f"{tenant_id}.example.org", "auto_join")
    world.expire(late.invitation_id)
    _age(world, tenant_id, ending.principal_id, ended.principal_id, held["invitation_id"])

    assert world.work(sweep, limit=500, context=_CONTEXT) > 0
    assert [tenant_id, held["invitation_id"]] in [list(one) for one in world.work(list_waited, limit=500)]
    assert world.work(release_waited, tenant_id, held["invitation_id"], context=_CONTEXT)
    [due] = [one for one in world.work(list_due, limit=500) if one.tenant_id == tenant_id]
    names = world.deployment.names
    world.work(recheck, due, DomainAnswer(texts=(due.record_value,)), names=names, context=_CONTEXT)
    with world.engine.begin() as connection:
        connection.execute(
            sa.update(domains)
            .where(domains.c.tenant_id == tenant_id)
            .values(proof_expires_at=sa.func.clock_timestamp() - _PASSED)
        )
    assert world.work(lapse_proofs, limit=20, context=_CONTEXT) >= 1
    world.work(purge)
    kinds = {
        row.kind
        for row in world.rows(sa.select(audit_events.c.kind).where(audit_events.c.tenant_id == tenant_id))
    }
    assert kinds >= {
        "invitation.expired",
        "invitation.revoked",
        "membership.ended",
        "grant.ended",
        "invitation.waited_for",
        "domain.proof_lapsed",
    }
    assert orphan.invitation_id != late.invitation_id


def _age(world: SeparatedWorld, tenant_id: str, ending: str, ended: str, held_id: str) -> None:
    soon = sa.func.clock_timestamp() + timedelta(hours=1)
    past = sa.func.clock_timestamp() - _PASSED
    ours = memberships.c.tenant_id == tenant_id
    with world.engine.begin() as connection:
        for principal_id, end in ((ending, soon), (ended, past)):
            change = sa.update(memberships).where(ours, memberships.c.principal_id == principal_id)
            connection.execute(change.values(expires_at=end))
        connection.execute(
            sa.insert(grants).values(
                tenant_id=tenant_id,
                principal_id=ending,
                resource_id="wiki",
                role="admin",
                created_at=past,
                expires_at=past,
                invitation_id="none",
            )
        )
        connection.execute(
            sa.update(invitations).where(invitations.c.invitation_id == held_id).values(release_at=past)
        )
        connection.execute(
            sa.update(domains)
            .where(domains.c.tenant_id == tenant_id)
            .values(checked_at=sa.func.clock_timestamp() - timedelta(days=2))
        )


def kept(world: SeparatedWorld) -> None:
    """The trail is sealed and signed, keys turn, what is long over is anonymised, data keys are wrapped anew."""
    owner, vera = world.new_person("owner"), world.new_person("vera")
    tenant_id = world.new_tenant(owner=owner)
    invited = world.invite(tenant_id, owner, vera.emails[0], message="Hello")
    assert world.call("POST", f"{invited.road}/accept", vera).status_code == 204
    assert world.work(anonymise_final, after=timedelta(0), limit=500, context=_CONTEXT) > 0
    [row] = world.rows(sa.select(invitations).where(invitations.c.invitation_id == invited.invitation_id))
    assert row.erased_at is not None
    provider = world.worker.provider
    assert provider is not None
    for purpose in ("checkpoint", "receipt"):
        _create_unless_there(world, provider, purpose)
    with world.engine.begin() as connection:
        old = sa.func.clock_timestamp() - timedelta(days=100)
        connection.execute(sa.update(keys).where(keys.c.purpose == "receipt").values(active_at=old))
    keeper = KeyKeeper(world.worker.runner, provider, prove_key)
    assert world.wait(keeper.keep()) > 0
    world.work(rewrap, limit=200)
    sealer = world.worker.make_log_sealer()
    world.wait(sealer.seal())
    world.wait(sealer.sign())
    assert world.call("GET", "/log/checkpoint").status_code == 200
    events = world.call("GET", f"/v1/tenants/{tenant_id}/events", owner).json()["items"]
    proof = f"/v1/tenants/{tenant_id}/events/{events[-1]['event_id']}/proof"
    assert world.call("GET", proof, owner).status_code == 200


def _create_unless_there(world: SeparatedWorld, provider: KeyProvider, purpose: str) -> None:
    runner = PlainRunner(world.engine)
    if runner.read(lambda uow: uow.keys.find_active(purpose)) is None:
        runner.run(create_key, HostKey(key_id="root"), purpose, provider=provider, context=_CONTEXT)
