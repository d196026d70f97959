# SPDX-License-Identifier: Apache-2.0
"""Paths that nobody types: other slashes, NUL, and the host that a redirect names."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.web.harness import World
from vestibule.actions.accounts.sign_in import create_account
from vestibule.bootstrap import build_plain_runner
from vestibule.core.email import EmailAddress
from vestibule.core.identity import HostKey, RequestContext
from vestibule.identity import passwords

_OURS = {"sec-fetch-site": "same-origin"}
_PASSWORD = "a quite long password"


@pytest.mark.covers("G07", "W03", "W07")
@pytest.mark.parametrize("path", ["/sign-in/", "/sign-up/", "/invitation/", "/static", "/tenants/t/"])
def test_no_redirect_names_the_host_of_the_request(world: World, path: str) -> None:
    answer = world.client.get(path, headers={"host": "evil.example"})
    assert "evil.example" not in answer.headers.get("location", "")
    assert answer.status_code == 404 or answer.headers["location"].startswith("/")


@pytest.mark.covers("W07", "S04")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tenants/a%00b"),
        ("GET", "/tenants/a%00b/settings"),
        ("POST", "/tenants/a%00b/settings/invitations"),
        ("GET", "/tenants/t/settings/members/a%00b/remove"),
        ("POST", "/my/invitations/a%00b/accept"),
        ("POST", "/my/invitations/a%00b/decline"),
    ],
)
def test_a_nul_in_a_path_of_the_pages_is_no_crash(world: World, method: str, path: str) -> None:
    cookie = sign_in(world)
    headers = {**_OURS, "cookie": cookie, "content-type": "application/x-www-form-urlencoded"}
    assert world.client.request(method, path, headers=headers).status_code in {404, 422}


def sign_in(world: World) -> str:
    """A local account's session cookie."""
    address = f"{world.fresh('local')}@example.com"
    runner = build_plain_runner(world.settings)
    runner.run(
        create_account,
        HostKey(key_id="tests"),
        EmailAddress(address),
        name="Local",
        password_hash=passwords.hash_password(_PASSWORD),
        context=RequestContext(correlation_id="tests"),
    )
    runner.close()
    form = f"email={quote(address)}&password={quote(_PASSWORD)}&next=/"
    headers = {**_OURS, "content-type": "application/x-www-form-urlencoded"}
    answer = world.client.post("/sign-in", content=form, headers=headers)
    assert answer.status_code == 303
    return answer.headers["set-cookie"].partition(";")[0]
