# SPDX-License-Identifier: Apache-2.0
"""Every way to fail a claim that can be reached from outside, each ready to be tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from tests.web.harness import PLATFORM, Invited, Person, World
from vestibule.core.token import mint_claim_token
from vestibule.storage.schema import directory_bars, invitations


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A token, an invitation id, and somebody who will be refused."""

    token: str = field(repr=False)
    invitation_id: str
    claimant: Person
    tenant_id: str
    owner: Person | None = None


def _scene(world: World, **policy: object) -> tuple[str, Person, Person]:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    return world.new_tenant(owner=owner, **policy), owner, vera


def _case(invited: Invited, claimant: Person, *, owner: Person | None = None) -> Case:
    return Case(
        token=invited.token,
        invitation_id=invited.invitation_id,
        claimant=claimant,
        tenant_id=invited.tenant_id,
        owner=owner,
    )


def live(world: World) -> Case:
    tenant_id, owner, vera = _scene(world)
    return _case(world.invite(tenant_id, owner, vera.emails[0]), vera, owner=owner)


def unknown(world: World) -> Case:
    tenant_id, _, vera = _scene(world)
    return Case(
        token=mint_claim_token().reveal(),
        invitation_id="00000000-0000-4000-8000-000000000000",
        claimant=vera,
        tenant_id=tenant_id,
    )


def malformed(world: World) -> Case:
    tenant_id, _, vera = _scene(world)
    return Case(token="vst_" + "x" * 49, invitation_id="not-an-id", claimant=vera, tenant_id=tenant_id)


def expired(world: World) -> Case:
    case = live(world)
    world.expire(case.invitation_id)
    return case


def revoked(world: World) -> Case:
    case = live(world)
    path = f"/v1/tenants/{case.tenant_id}/invitations/{case.invitation_id}"
    assert world.call("DELETE", path, case.owner).status_code == 204
    return case


def declined(world: World) -> Case:
    case = live(world)
    assert world.call("POST", f"/v1/invitations/{case.token}/decline", case.claimant).status_code == 204
    return case


def superseded(world: World) -> Case:
    tenant_id, owner, vera = _scene(world)
    first = world.invite(tenant_id, owner, vera.emails[0])
    world.invite(tenant_id, owner, vera.emails[0])
    return _case(first, vera)


def rotated(world: World) -> Case:
    """The link before a resend. The invitation itself lives on, so only its old link is refused."""
    case = live(world)
    path = f"/v1/tenants/{case.tenant_id}/invitations/{case.invitation_id}/resend"
    assert world.call("POST", path, case.owner).status_code == 200
    return case


def consumed_by_me(world: World) -> Case:
    case = live(world)
    assert world.call("POST", f"/v1/invitations/{case.token}/accept", case.claimant).status_code == 204
    return case


def consumed_by_other(world: World) -> Case:
    case = consumed_by_me(world)
    twin = Person(principal_id=world.fresh("twin"), emails=case.claimant.emails)
    return replace(case, claimant=twin)


def wrong_account(world: World) -> Case:
    return replace(live(world), claimant=world.new_person("mallory"))


def suspended(world: World) -> Case:
    case = live(world)
    assert world.call("POST", f"/v1/tenants/{case.tenant_id}/suspend", PLATFORM).status_code == 200
    return case


def resumed(world: World) -> Case:
    case = suspended(world)
    assert world.call("POST", f"/v1/tenants/{case.tenant_id}/resume", PLATFORM).status_code == 200
    return case


def deleted(world: World) -> Case:
    case = live(world)
    assert world.call("DELETE", f"/v1/tenants/{case.tenant_id}", PLATFORM).status_code == 204
    return case


def _by_admin(world: World) -> tuple[Case, Person]:
    tenant_id, _, vera = _scene(world)
    admin = world.new_person("admin")
    world.put_member(tenant_id, admin, "admin")
    return _case(world.invite(tenant_id, admin, vera.emails[0]), vera), admin


def inviter_removed(world: World) -> Case:
    case, admin = _by_admin(world)
    world.remove_member(case.tenant_id, admin)
    return case


def inviter_demoted(world: World) -> Case:
    case, admin = _by_admin(world)
    world.put_member(case.tenant_id, admin, "member")
    return case


def inviter_offboarded(world: World) -> Case:
    case, admin = _by_admin(world)
    world.offboard(admin)
    return case


def inviter_not_entitled(world: World) -> Case:
    case, _ = _by_admin(world)
    world.put_policy(case.tenant_id, assignable={"owner": ["admin", "member"]})
    return case


def role_gone(world: World) -> Case:
    tenant_id, owner, vera = _scene(world, assignable={"owner": ["guest"]})
    case = _case(world.invite(tenant_id, owner, vera.emails[0], "guest"), vera)
    world.put_policy(tenant_id, assignable={"owner": ["member"]})
    return case


def domain_refused(world: World) -> Case:
    case = live(world)
    world.put_policy(case.tenant_id, allowed_domains=["elsewhere.example"])
    return case


def wrong_connection(world: World) -> Case:
    tenant_id, owner, vera = _scene(world, require_connection="corp")
    other = Person(principal_id=vera.principal_id, emails=vera.emails, extra={"connection": "social"})
    return _case(world.invite(tenant_id, owner, vera.emails[0]), other)


def no_seat(world: World) -> Case:
    case = live(world)
    world.put_policy(case.tenant_id, seat_limit=1)
    return case


def offboarded(world: World) -> Case:
    tenant_id, owner, vera = _scene(world)
    world.offboard(vera)
    return _case(world.invite(tenant_id, owner, vera.emails[0]), vera)


def barred(world: World) -> Case:
    case = live(world)
    bar = {"tenant_id": case.tenant_id, "user_id": "directory-user"}
    with world.engine.begin() as connection:
        # As it is stored: sealed, the address itself stands nowhere.
        stored = sa.select(invitations.c.invited_email).where(invitations.c.tenant_id == case.tenant_id)
        bar["subject"] = connection.execute(stored).scalars().first() or ""
        connection.execute(sa.insert(directory_bars).values(bar))
    return case


CASES: dict[str, Callable[[World], Case]] = {
    make.__name__: make
    for make in (
        *(unknown, malformed, expired, revoked, declined, superseded, rotated, consumed_by_me),
        *(consumed_by_other, wrong_account, suspended, resumed, deleted, inviter_removed, inviter_demoted),
        *(inviter_offboarded, inviter_not_entitled, role_gone, domain_refused, wrong_connection, no_seat),
        *(offboarded, barred),
    )
}
# What the preview still shows to whoever holds the link: only the claimant, or the moment, is wrong.
SHOWN = frozenset(
    {
        *("wrong_account", "wrong_connection", "offboarded", "no_seat"),
    }
)
