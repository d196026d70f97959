# SPDX-License-Identifier: Apache-2.0
"""Blocking and reporting on the hosted pages: a look changes nothing, a button does, without JavaScript."""

from __future__ import annotations

import re

import httpx2
import pytest
import sqlalchemy as sa

from tests.web.harness import Invited, World
from vestibule.storage.schema import reports, suppressions

_FORM = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}


def scene(world: World) -> tuple[Invited, dict[str, str]]:
    owner = world.new_person("owner")
    invited = world.invite(world.new_tenant(owner=owner), owner, f"{world.fresh('vera')}@example.com")
    return invited, {"cookie": f"__Host-vestibule-link={invited.token}"}


def press(world: World, act: str, ref: str, cookie: dict[str, str]) -> httpx2.Response:
    return world.client.post(f"/invitation/{act}", content=f"claim_ref={ref}", headers={**_FORM, **cookie})


@pytest.mark.covers("ISS-20", "TOK-05", "INT-06")
@pytest.mark.parametrize("act,told", [("block", 0), ("report", 1)])
def test_the_page_asks_first_and_a_button_ends_the_mail(world: World, act: str, told: int) -> None:
    invited, cookie = scene(world)
    shown = world.client.get("/invitation", headers=cookie)
    assert 'href="/invitation/block"' in shown.text
    before = world.dump()
    asked = world.client.get("/invitation/block", headers=cookie)
    assert asked.status_code == 200
    assert invited.email not in asked.text
    assert world.dump() == before
    assert world.call("GET", invited.road).status_code == 200
    found = re.search(r'name="claim_ref" value="([0-9a-f]+)"', asked.text)
    assert found is not None
    done = press(world, act, found[1], cookie)
    assert done.status_code == 200
    assert world.call("GET", invited.road).status_code == 404
    kept = world.rows(sa.select(suppressions.c.reason).where(suppressions.c.address == invited.email))
    assert [row.reason for row in kept] == [f"{act}ed"]
    count = sa.select(sa.func.count()).where(reports.c.invitation_id == invited.invitation_id)
    assert world.rows(count)[0][0] == told
    # And once more: the page of every dead link.
    assert press(world, act, found[1], cookie).status_code == 404


@pytest.mark.covers("ISS-20", "D10", "W01")
def test_a_button_of_another_link_or_another_site_ends_nothing(world: World) -> None:
    invited, cookie = scene(world)
    assert press(world, "block", "0" * 32, cookie).status_code == 303
    foreign = world.client.post(
        "/invitation/block",
        content="claim_ref=x",
        headers={**_FORM, **cookie, "sec-fetch-site": "cross-site"},
    )
    assert foreign.status_code == 403
    assert world.call("GET", invited.road).status_code == 200
    assert world.client.get("/invitation/block").status_code == 404
