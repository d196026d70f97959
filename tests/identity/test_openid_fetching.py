# SPDX-License-Identifier: Apache-2.0
"""Nothing inside our network is asked on a provider's word, and secrets are sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.identity.liar import CLIENT, Liar
from tests.rings import make_sealer, make_store
from vestibule.actions.keys.turn_keys import draw_key
from vestibule.core.connection import Connection
from vestibule.core.keys import Purpose
from vestibule.errors import ConfigurationError, InvalidRequestError, ProviderError
from vestibule.identity.oidc import SecretSealer, sealing_key_id
from vestibule.identity.oidc.fetching import Fetcher

EMPTY = SecretSealer(None, lambda _: None, allows_loopback=False)


@pytest.fixture
def liar() -> Iterator[Liar]:
    running = Liar()
    yield running
    running.close()


def connect(liar: Liar, **changes: Any) -> Connection:
    values: dict[str, Any] = {
        "connection_id": "corp",
        "tenant_id": "acme",
        "name": "Acme",
        "provider": "generic",
        "issuer": liar.url,
        "client_id": CLIENT,
    }
    return Connection(**{**values, **changes})


@pytest.mark.covers("K01")
def test_K01_nothing_inside_our_network_is_asked(liar: Liar) -> None:
    for url in (liar.url, liar.url.replace("http:", "https:"), "https://[::1]/", "ftp://idp.example/"):
        with pytest.raises(ProviderError) as refusal:
            asyncio.run(Fetcher(allows_loopback=False).get(url))
        assert refusal.value.finding in {"url", "address"}
    assert liar.asked == []
    assert asyncio.run(Fetcher(allows_loopback=True).get(liar.url + "/me")) == {}


@pytest.mark.covers("K01")
@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["fe80::1%eth0"],
        ["fd00::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["0.0.0.0"],  # noqa: S104 - never bound
        ["224.0.0.1"],
        ["100.64.0.1"],
        ["93.184.216.34", "10.0.0.1"],
        [],
    ],
    ids=str,
)
def test_K01_a_name_with_an_address_inside_is_not_asked(addresses: list[str]) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        assert (host, port) == ("idp.example", 443)
        return addresses

    fetcher = Fetcher(allows_loopback=False, resolve=resolve)
    with pytest.raises(ProviderError) as refusal:
        asyncio.run(fetcher.get("https://idp.example/x"))
    assert refusal.value.finding == "address"


@pytest.mark.covers("K01")
def test_K01_the_connection_is_made_to_the_address_that_was_checked(liar: Liar) -> None:
    port = urlsplit(liar.url).port
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(_host: str, _port: int) -> list[str]:
        return next(answers)

    fetcher = Fetcher(allows_loopback=True, resolve=resolve)
    document = asyncio.run(fetcher.get(f"http://localhost:{port}/.well-known/openid-configuration"))
    assert document["issuer"] == liar.url
    assert next(answers) == ["10.0.0.1"], "asked once, not again by the client"


@pytest.mark.covers("INT-04", "K04")
def test_a_secret_is_sealed_for_its_connection_and_key_and_never_shown(liar: Liar) -> None:
    sealer, key = make_sealer()
    sealed = sealer.seal(key, "corp", "hush hush")
    assert b"hush" not in sealed
    assert sealed != sealer.seal(key, "corp", "hush hush")
    connection = connect(liar, sealed_secret=sealed)
    assert sealer.open(connection) == "hush hush"
    assert "hush" not in repr(sealer)
    assert repr(sealed) not in repr(connection)
    assert sealer.open(connect(liar)) is None
    renamed = sealed.replace(key.key_id.encode(), bytes(len(key.key_id)))
    for wrong, holder in (
        (make_sealer()[0], connection),
        (EMPTY, connection),
        (sealer, connect(liar, connection_id="other", sealed_secret=sealed)),
        (sealer, connect(liar, sealed_secret=renamed)),
        *((sealer, connect(liar, sealed_secret=sealed[:length])) for length in (0, 1, 2, 20, 40, 60)),
    ):
        with pytest.raises(ConfigurationError, match="VESTIBULE_KEYRING"):
            wrong.open(holder)
    for without, no_key in ((EMPTY, key), (sealer, None)):
        with pytest.raises(InvalidRequestError, match="vestibule keys create"):
            without.seal(no_key, "corp", "hush")


@pytest.mark.covers("TOK-04", "K04")
def test_what_an_older_key_has_sealed_opens_after_the_rotation(liar: Liar, tmp_path: Path) -> None:
    provider = make_store(tmp_path / "ring")
    old, new = (draw_key(provider, Purpose.CONNECTION, datetime.now(UTC)) for _ in range(2))
    known = {key.key_id: key for key in (old, new)}
    before = SecretSealer(provider, known.get, allows_loopback=False)
    sealed = {key.key_id: before.seal(key, "corp", f"hush {key.key_id}") for key in known.values()}
    after = SecretSealer(provider, known.get, allows_loopback=False)
    for key_id, blob in sealed.items():
        assert sealing_key_id(blob) == key_id
        assert after.open(connect(liar, sealed_secret=blob)) == f"hush {key_id}"
