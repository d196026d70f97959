# SPDX-License-Identifier: Apache-2.0
"""Offboarding reaches everything that there is, and what it has put aside can be put back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.web.harness import World
from tests.web.harness import person as make_person
from vestibule.actions.accounts.sign_up import finish_sign_up
from vestibule.bootstrap import build_plain_runner
from vestibule.core.account import CHALLENGE_LIFETIME, Challenge
from vestibule.core.email import EmailAddress
from vestibule.core.identity import RequestContext
from vestibule.core.token import digest, mint_id
from vestibule.ports import UnitOfWork
from vestibule.storage.schema import accounts, memberships, tenants


@pytest.mark.covers("E01", "E10", "LIF-03")
def test_offboarding_ends_more_memberships_than_any_page_of_them_holds(world: World) -> None:
    owner = world.new_person("owner")
    support = world.new_person("support")
    first = world.new_tenant(owner=owner)
    world.put_member(first, support, "admin")
    _copy_membership(world, first, support.principal_id, 1005)
    world.offboard(support)
    left = sa.select(sa.func.count()).select_from(memberships)
    left = left.where(memberships.c.principal_id == support.principal_id)
    assert world.rows(left)[0][0] == 0


@pytest.mark.covers("E01", "LIF-03")
def test_offboarding_an_account_revokes_what_waits_for_its_address(world: World) -> None:
    owner = world.new_person("owner")
    address = EmailAddress(f"{world.fresh('vera')}@example.com")
    account_id = _sign_up(world, address)
    invited = world.invite(world.new_tenant(owner=owner), owner, address.key)
    world.offboard(make_person(account_id))
    assert world.call("GET", invited.path, owner).json()["state"] == "revoked"


def _copy_membership(world: World, tenant_id: str, principal_id: str, count: int) -> None:
    with world.engine.begin() as connection:
        one = connection.execute(sa.select(tenants).where(tenants.c.tenant_id == tenant_id)).one()
        copies = [{**one._mapping, "tenant_id": f"{tenant_id}-{number}"} for number in range(count)]
        connection.execute(sa.insert(tenants), copies)
        mine = memberships.c.principal_id == principal_id
        row = connection.execute(sa.select(memberships).where(mine)).one()
        rows = [{**row._mapping, "tenant_id": copy["tenant_id"]} for copy in copies]
        connection.execute(sa.insert(memberships), rows)


def _sign_up(world: World, address: EmailAddress) -> str:
    challenge = Challenge(
        challenge_id=mint_id(), challenge_hash=digest(mint_id()), address=address, name="V", password_hash="x"
    )

    def open_challenge(uow: UnitOfWork) -> None:
        uow.accounts.add_challenge(challenge, tries=5, lifetime=CHALLENGE_LIFETIME)
        uow.commit()

    runner = build_plain_runner(world.settings)
    runner.run(open_challenge)
    runner.run(finish_sign_up, challenge, context=RequestContext(correlation_id="tests"))
    runner.close()
    query = sa.select(accounts.c.account_id).where(accounts.c.address == address.key)
    return str(world.rows(query)[0][0])
