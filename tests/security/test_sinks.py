# SPDX-License-Identifier: Apache-2.0
"""Every sink is searched for a planted token, code and address, in every spelling (OBS-04, TOK-02, B05, B09)."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from tests.logs import restored_logging
from tests.pages.site import PASSWORD, Site, make_site
from tests.servers import PostgresServer
from vestibule.log import configure_logging, redact
from vestibule.metrics import render_metrics
from vestibule.storage.engine import make_engine
from vestibule.storage.schema import metadata

_OURS = {"sec-fetch-site": "same-origin"}
# Where an address stands because it is what the table is about.
_ADDRESS_COLUMNS = {
    ("vestibule_invitations", "invited_email"),
    ("vestibule_memberships", "email"),
    ("vestibule_sessions", "addresses"),
    ("vestibule_accounts", "address"),
    ("vestibule_challenges", "address"),
    ("vestibule_principal_addresses", "address"),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def watched(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Site, io.StringIO]]:
    """A site whose every log line, also of other libraries, lands in one place."""
    sink = io.StringIO()
    monkeypatch.setattr(sys, "stderr", sink)
    monkeypatch.setattr(sys, "stdout", sink)
    if request.param == "sqlite":
        site = make_site(tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        site = make_site(server.url(server.create_database()))
    with restored_logging():
        configure_logging("DEBUG", sink)
        yield site, sink
        site.stop()


@pytest.mark.covers("OBS-04", "TOK-02", "B03", "B05", "B09", "B16", "K10", "AUD-01")
def test_no_sink_holds_a_token_a_code_a_password_or_a_stray_address(
    watched: tuple[Site, io.StringIO],
) -> None:
    site, sink = watched
    token, code, address = _walk(site)
    assert token.startswith("vst_")
    secrets = [*_spellings(token), *_spellings(PASSWORD), code, code.replace(" ", "")]
    places = {"log": sink.getvalue(), "metrics": render_metrics().decode()}
    assert '"event": "request"' in places["log"], "there is a log to search"
    for place, text in places.items():
        found = [one for one in [*secrets, address, address.partition("@")[0]] if one in text]
        assert not found, place
    for (table, column), text in _columns(site).items():
        assert not [one for one in secrets if one in text], f"{table}.{column}"
        if (table, column) not in _ADDRESS_COLUMNS:
            assert address not in text, f"{table}.{column}"


@pytest.mark.parametrize(
    "secret",
    [
        "vst_EKa342Dr9NlwLt2KxwHcwsGalwiPztvy4YftJqUITUq3lbcaO",
        "vsk_abcdefghijklmnopqrstuvwxyz",
        "vss_abc-def_ghi",
        "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "vera@acme.example",
        "postgresql://user:geheim@db.example/name",
    ],
)
def test_redaction_reaches_every_shape(secret: str) -> None:
    shapes = [secret, f"x {secret} y", {"a": [secret]}, (secret,), {secret: 1}, ValueError(secret)]
    kept = "geheim" if "geheim" in secret else secret
    for shape in shapes:
        assert kept not in json.dumps(redact(shape))
    assert redact("an ordinary line") == "an ordinary line"


def _walk(site: Site) -> tuple[str, str, str]:
    """A whole life of one invitation, with every kind of wrong try beside it."""
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner)
    address = f"canary-{owner.principal_id[-6:]}@canary.example"
    with (
        httpx2.Client(base_url=site.url, headers=_OURS) as office,
        httpx2.Client(base_url=site.url, headers=_OURS) as visitor,
    ):
        office.post("/sign-in", data={"email": owner.address, "password": PASSWORD, "next": "/"})
        office.post(
            f"/tenants/{tenant_id}/settings/invitations",
            data={"email": address, "role": "member", "message": "hello", "deliver": "email"},
        )
        link = site.find_link(address)
        token = link.rpartition("/")[2]
        visitor.get(f"/i/{token}")
        visitor.get("/invitation")
        _wrong_tries(visitor, token, address)
        visitor.post("/sign-up", data={"name": "Vera", "password": PASSWORD})
        code = site.find_code(address)
        visitor.post("/verify", data={"code": "00000000"})
        visitor.post("/verify", data={"code": code})
        page = visitor.get("/invitation").text
        found = re.search(r'name="claim_ref" value="([0-9a-f]+)"', page)
        assert found is not None
        joined = visitor.post("/invitation/accept", data={"claim_ref": found[1]})
        assert joined.headers["location"] == "/invitation?joined=new"
        visitor.post("/invitation/accept", data={"claim_ref": found[1]})
        _wrong_tries(visitor, token, address)
    site.wait_for_mail(owner.address, "accepted")
    return token, code, address


def _wrong_tries(client: httpx2.Client, token: str, address: str) -> None:
    for tail in ("", "/accept", "/decline", "/request-new", "/nonsense", ".json", "?t=" + token):
        for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
            client.request(method, f"/v1/invitations/{token}{tail}")
    client.get(f"/v1/invitations/{token[:-1]}")
    client.get(f"/no/such/{token}", params={"email": address})
    client.post("/sign-in", data={"email": address, "password": token, "next": token})
    client.get(
        "/", headers={"authorization": f"Bearer {token}", "user-agent": f"{token} {address}\r\n".strip()}
    )
    client.post("/v1/tenants/x/invitations", content=json.dumps({"email": address, "x": token}).encode())


def _spellings(secret: str) -> set[str]:
    raw = secret.encode()
    return {
        secret,
        secret.lower(),
        urllib.parse.quote(secret, safe=""),
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        repr(raw)[2:-1],
    }


def _columns(site: Site) -> dict[tuple[str, str], str]:
    engine = make_engine(site.database_url)
    found: dict[tuple[str, str], str] = {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(sa.select(table)).all()
            for column in table.c:
                values = (getattr(row, column.name) for row in rows)
                found[table.name, column.name] = " ".join(
                    value.hex() if isinstance(value, bytes) else str(value) for value in values
                )
    engine.dispose()
    return found
