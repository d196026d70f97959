# SPDX-License-Identifier: Apache-2.0
"""A guest of an event: the date for one's own calendar, one click away."""

from __future__ import annotations

import re

import pytest

from tests.pages.conftest import Visit
from tests.pages.site import Site

EVENT = {"name": "Opening", "starts_at": "2040-06-01T18:00:00Z", "ends_at": "2040-06-01T23:00:00Z"}


@pytest.mark.covers("TEN-05")
def test_whoever_has_accepted_finds_the_calendar_file(site: Site, visit: Visit) -> None:
    owner, guest = site.add_account("Olivia"), site.add_account("Gina")
    tenant_id = site.add_tenant(owner)
    link = site.invite(tenant_id, owner, guest.address)
    client = visit(guest)
    assert client.get(link).status_code == 303
    ref = re.search(r'name="claim_ref" value="([0-9a-f]+)"', client.get("/invitation").text)
    assert ref is not None
    assert client.post("/invitation/accept", data={"claim_ref": ref[1]}).status_code == 303
    shown = ("/invitation?joined=new", f"/tenants/{tenant_id}")
    assert all("Add to your calendar" not in client.get(path).text for path in shown)
    site.put_policy(tenant_id, event=EVENT)
    for path in shown:
        found = re.search(r'href="([^"]+)">Add to your calendar', client.get(path).text)
        assert found is not None, path
        file = client.get(found[1])
        assert (file.status_code, file.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
        assert "DTSTART:20400601T180000Z" in file.text
