# SPDX-License-Identifier: Apache-2.0
"""The link by mail: minted at the moment of sending, to the invited address alone, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.web.harness import PUBLIC_URL, World

_LINK = re.compile(re.escape(PUBLIC_URL) + r"/i/(vst_\w+)")
MakeWorld = Callable[..., World]


def find_token(text: str) -> str:
    tokens = set(_LINK.findall(text))
    assert len(tokens) == 1
    return str(tokens.pop())


@pytest.mark.covers(
    "ISS-01", "DEL-01", "DEL-02", "B01", "B09", "B13", "G06", "G07", "A09", "ACC-17", "TOK-02"
)
def test_the_mailed_link_lets_the_invitee_in_and_only_the_newest_one_works(make_world: MakeWorld) -> None:
    world = make_world({}, delivers=True)
    owner, vera = world.new_person("owner"), world.new_person("vera")
    tenant_id = world.new_tenant(owner=owner, resend_cooldown=0)
    body = {"email": vera.emails[0], "role": "member"}
    spoofed = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    path = f"/v1/tenants/{tenant_id}/invitations"
    made = world.call("POST", path, owner, body=body, headers=spoofed).json()
    first = world.read_mail(vera.emails[0])
    old = find_token(first.part())
    assert first.envelope_to == (vera.emails[0],)
    assert "evil" not in first.message.as_string()
    assert world.call("POST", f"{path}/{made['invitation_id']}/resend", owner).status_code == 200
    second = world.read_mail(vera.emails[0], after=first.index)
    new = find_token(second.part())
    assert world.call("POST", f"/v1/invitations/{old}/accept", vera).status_code == 404
    assert world.call("POST", f"/v1/invitations/{new}/accept", owner).status_code == 404
    assert world.call("POST", f"/v1/invitations/{new}/accept", vera).status_code == 204
    assert world.has_member(tenant_id, vera)
    told = world.read_mail(owner.emails[0])
    dump = repr(world.contents())
    for token in (old, new):
        assert token not in dump + told.message.as_string()
    shown = world.call("GET", f"{path}/{made['invitation_id']}", owner).json()
    assert (shown["send_count"], shown["state"]) == (2, "accepted")
    assert shown["last_sent_at"] is not None
