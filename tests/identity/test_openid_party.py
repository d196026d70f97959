# SPDX-License-Identifier: Apache-2.0
"""What a provider may say, and what of it is believed."""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import OctKey, RSAKey

from tests.identity.liar import ACCESS, CLIENT, EC, ED, NONCE, RSA, SMALL, Liar, half_hash
from tests.rings import make_sealer
from vestibule.core.connection import Connection, SignInProof
from vestibule.errors import CredentialsRejectedError, ProviderError
from vestibule.identity.oidc import OpenIdParty, SecretSealer
from vestibule.identity.oidc.fetching import Fetcher, FetchLimits
from vestibule.identity.oidc.metadata import ProviderBook

SEALER, SEALING_KEY = make_sealer(allows_loopback=True)
PROOF = SignInProof(state="state", nonce=NONCE, verifier="v" * 43)
Now = Callable[[], float]


@pytest.fixture
def liar() -> Iterator[Liar]:
    running = Liar()
    yield running
    running.close()


def make_party(
    monotonic: Now = time.monotonic, *, allows_loopback: bool = True, total: float = 5
) -> OpenIdParty:
    fetcher = Fetcher(allows_loopback=allows_loopback, limits=FetchLimits(total=total))
    return OpenIdParty(
        SEALER if allows_loopback else SecretSealer(None, lambda _: None, allows_loopback=False),
        public_url="https://in.example.com",
        clock=lambda: datetime.now(UTC),
        fetcher=fetcher,
        book=ProviderBook(fetcher, monotonic=monotonic),
    )


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


def redeem(
    liar: Liar, party: OpenIdParty | None = None, *, max_age: int | None = None, **changes: Any
) -> Mapping[str, Any]:
    answer = {"code": "code", "state": "state"}
    return asyncio.run(
        (party or make_party()).redeem(connect(liar, **changes), PROOF, answer, max_age=max_age)
    )


def refuse(liar: Liar, party: OpenIdParty | None = None, **changes: Any) -> str:
    with pytest.raises(ProviderError) as refusal:
        redeem(liar, party, **changes)
    return refusal.value.finding


@dataclass(frozen=True)
class In:
    """So many seconds from the moment of the test."""

    seconds: float


def as_of_now(claims: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: time.time() + value.seconds if isinstance(value, In) else value
        for name, value in claims.items()
    }


WRONG_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://evil.example"}, "iss"),
    "an issuer with a slash more": ({"iss": "http://127.0.0.1/"}, "iss"),
    "no issuer": ({"iss": ...}, "iss"),
    "another audience": ({"aud": "other"}, "aud"),
    "our audience among others": ({"aud": [CLIENT, "other"]}, "aud"),
    "no audience": ({"aud": ...}, "aud"),
    "another authorised party": ({"azp": "other"}, "azp"),
    "expired": ({"exp": In(-61)}, "exp"),
    "no end": ({"exp": ...}, "exp"),
    "an end that is true": ({"exp": True}, "exp"),
    "issued in the future": ({"iat": In(300)}, "iat"),
    "issued long ago": ({"iat": In(-3600)}, "iat"),
    "no beginning": ({"iat": ...}, "iat"),
    "not yet valid": ({"nbf": In(300)}, "nbf"),
    "another nonce": ({"nonce": "another"}, "nonce"),
    "no nonce": ({"nonce": ...}, "nonce"),
    "a nonce that is no text": ({"nonce": 7}, "nonce"),
    "another access token's hash": ({"at_hash": half_hash("other")}, "at_hash"),
}


@pytest.mark.covers("INT-04", "C03", "C07")
@pytest.mark.parametrize("case", WRONG_CLAIMS)
def test_an_id_token_with_one_wrong_claim_is_refused(liar: Liar, case: str) -> None:
    assert redeem(liar)["sub"] == "42"
    claims, check = WRONG_CLAIMS[case]
    liar.claims = as_of_now(claims)
    assert refuse(liar) == f"id_token.{check}"


@pytest.mark.covers("INT-04")
@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT]},
        {"azp": CLIENT},
        {"exp": In(-30)},
        {"iat": In(30.5)},
        {"at_hash": half_hash(ACCESS)},
    ],
    ids=["aud", "azp", "exp", "iat", "at_hash"],
)
def test_what_the_standard_allows_is_taken(liar: Liar, claims: dict[str, Any]) -> None:
    liar.claims = as_of_now(claims)
    assert redeem(liar)["sub"] == "42"


@pytest.mark.covers("INT-04", "C02", "C04")
def test_the_key_decides_the_algorithm(liar: Liar) -> None:
    for key in (RSA, EC, ED):
        liar.signer = key
        assert redeem(liar)["sub"] == "42"
    secret = OctKey.import_key({"kty": "oct", "k": str(RSA.as_dict(private=False)["n"]), "kid": "rsa"})
    liar.signer, liar.header = secret, {"alg": "HS256"}
    assert refuse(liar) == "id_token.algorithm"
    liar.signer, liar.header = EC, {"kid": "rsa"}
    assert refuse(liar) == "id_token.signature"
    liar.signer, liar.header, liar.keys = SMALL, {}, [SMALL]
    assert refuse(liar) == "id_token.signature", "a key that is too short is none"
    liar.signer, liar.keys = (
        RSA,
        [RSAKey.import_key(RSA.as_dict(private=False), {"alg": "PS256", "kid": "rsa"})],
    )
    assert refuse(liar) == "id_token.signature", "a key does what it says that it does"


@pytest.mark.covers("INT-04", "C01")
@pytest.mark.parametrize("token", [None, "", "a.b", "a.b.c", "..", 7, "x" * 40_000], ids=lambda t: str(t)[:9])
def test_what_is_no_id_token_is_refused(liar: Liar, token: object) -> None:
    liar.token = token if token is not None else []
    assert refuse(liar) in {"id_token.token", "id_token.algorithm"}


@pytest.mark.covers("INT-04", "C01")
def test_an_unsigned_or_changed_token_is_refused(liar: Liar) -> None:
    head, payload, signature = liar.make_token().split(".")
    none = b64encode(b'{"alg":"none"}').decode().rstrip("=")
    liar.token = f"{none}.{payload}."
    assert refuse(liar) == "id_token.algorithm"
    liar.claims = {"sub": "43"}
    liar.token = ".".join([head, liar.make_token().split(".")[1], signature])
    assert refuse(liar) == "id_token.signature"
    critical = b64encode(b'{"alg":"RS256","kid":"rsa","crit":["x"],"x":1}').decode().rstrip("=")
    liar.token = f"{critical}.{payload}.{signature}"
    assert refuse(liar) == "id_token.algorithm"


@pytest.mark.covers("ACC-05", "S09")
@pytest.mark.parametrize(
    "claims",
    [{}, {"auth_time": In(-400)}, {"auth_time": "now"}, {"auth_time": True}, {"auth_time": In(300)}],
)
def test_S09_a_demanded_freshness_must_be_shown(liar: Liar, claims: dict[str, Any]) -> None:
    liar.claims = as_of_now(claims)
    assert redeem(liar)["sub"] == "42", "without a demand it is nobody's business"
    assert refuse(liar, max_age=300) == "id_token.auth_time"
    liar.claims = {"auth_time": time.time() - 10}
    assert redeem(liar, max_age=300)["sub"] == "42"


@pytest.mark.covers("INT-04", "C06")
def test_unknown_keys_are_looked_for_once_in_a_while(liar: Liar) -> None:
    moment = [1000.0]
    party = make_party(lambda: moment[0])
    liar.keys = [RSA]
    redeem(liar, party)
    liar.keys, liar.signer = [EC], EC
    moment[0] += 10
    assert refuse(liar, party) == "id_token.signature", "asked a moment ago"
    moment[0] += 30
    assert redeem(liar, party)["sub"] == "42"
    liar.header = {"kid": "invented"}
    for _ in range(5):
        refuse(liar, party)
    assert liar.asked.count("/jwks") == 2
    moment[0] += 601
    liar.header = {}
    redeem(liar, party)
    assert liar.asked.count("/.well-known/openid-configuration") == 2


@pytest.mark.covers("INT-04")
def test_the_client_proves_itself_as_the_provider_wants(liar: Liar) -> None:
    sealed = SEALER.seal(SEALING_KEY, "corp", "s:e cret")
    redeem(liar)
    assert liar.posted[-1]["client_id"] == CLIENT
    assert "client_secret" not in liar.posted[-1]
    assert liar.posted[-1]["code_verifier"] == PROOF.verifier
    assert liar.posted[-1]["redirect_uri"] == "https://in.example.com/sign-in/callback/corp"
    redeem(liar, sealed_secret=sealed)
    basic = next(one for one in reversed(liar.authorization) if one and one.startswith("Basic "))
    assert b64decode(basic.removeprefix("Basic ")) == b"client:s%3Ae+cret"
    liar.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    redeem(liar, sealed_secret=sealed)
    assert liar.posted[-1]["client_secret"] == "s:e cret"
    liar.document = {"token_endpoint_auth_methods_supported": ["tls_client_auth"]}
    assert refuse(liar, sealed_secret=sealed) == "client"


@pytest.mark.covers("INT-04")
def test_where_the_browser_goes_holds_everything_that_ties_the_answer(liar: Liar) -> None:
    url = asyncio.run(make_party().make_url(connect(liar), PROOF, max_age=None))
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked == {
        "tenant": "1",
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": "https://in.example.com/sign-in/callback/corp",
        "scope": "openid email profile",
        "state": "state",
        "nonce": NONCE,
        "code_challenge": PROOF.challenge,
        "code_challenge_method": "S256",
    }
    fresh = asyncio.run(make_party().make_url(connect(liar), PROOF, max_age=60))
    assert "max_age=60&prompt=login" in fresh
    assert PROOF.verifier not in url


@pytest.mark.covers("INT-04")
def test_an_answer_must_be_the_providers_own(liar: Liar) -> None:
    party, connection = make_party(), connect(liar)

    def bring(**answer: str) -> Mapping[str, Any]:
        return asyncio.run(party.redeem(connection, PROOF, answer, max_age=None))

    assert bring(code="c", iss=liar.url)["sub"] == "42"
    for wrong in ({"code": "c", "iss": "https://evil.example"}, {"iss": liar.url}, {"code": ""}):
        with pytest.raises(ProviderError):
            bring(**wrong)
    with pytest.raises(CredentialsRejectedError):
        bring(error="access_denied", iss=liar.url)
    party.forget()
    liar.document = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(ProviderError):
        bring(code="c")
    assert bring(code="c", iss=liar.url)["sub"] == "42"


@pytest.mark.covers("INT-04", "ACC-03")
def test_an_address_that_is_in_userinfo_only_is_the_same_persons(liar: Liar) -> None:
    liar.claims = {"email": ...}
    liar.userinfo = {"sub": "42", "email": "v@acme.com", "email_verified": True, "iss": "x", "amr": ["mfa"]}
    claims = redeem(liar)
    assert (claims["email"], claims["email_verified"], claims["iss"]) == ("v@acme.com", True, liar.url)
    assert "amr" not in claims
    liar.userinfo["sub"] = "43"
    assert refuse(liar) == "userinfo"


BROKEN: dict[str, dict[str, Any]] = {
    "another issuer's document": {"issuer": "https://evil.example"},
    "no token endpoint": {"token_endpoint": ...},
    "an endpoint that is no URL": {"jwks_uri": "http://[::1"},
    "an endpoint that is not https": {"token_endpoint": "http://idp.example/token"},
    "an endpoint with credentials": {"token_endpoint": "https://u:p@idp.example/token"},
    "an endpoint that is no text": {"authorization_endpoint": 7},
}


@pytest.mark.covers("INT-04", "K01")
@pytest.mark.parametrize("case", BROKEN)
def test_a_lying_discovery_document_lets_nobody_in_and_is_told(liar: Liar, case: str) -> None:
    liar.document = BROKEN[case]
    refuse(liar)
    assert asyncio.run(make_party().examine(connect(liar)))


@pytest.mark.covers("INT-04")
def test_an_examination_says_what_is_wrong_and_nothing_when_all_is_well(liar: Liar) -> None:
    def examine(**changes: Any) -> str:
        return " ".join(asyncio.run(make_party().examine(connect(liar, **changes))))

    assert examine() == ""
    liar.document = {
        "response_types_supported": ["token"],
        "code_challenge_methods_supported": ["plain"],
        "id_token_signing_alg_values_supported": ["HS256"],
    }
    told = examine()
    assert all(word in told for word in ("code flow", "PKCE", "signature"))
    liar.document, liar.keys = {}, [SMALL]
    assert "key" in examine()
    liar.keys = [RSA]
    assert "put it again" in examine(sealed_secret=b"\x01" + b"x" * 40)


@pytest.mark.covers("INT-04", "K01")
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"issuer":1,"issuer":2}', b"x" * 300_000])
def test_an_answer_that_is_no_document_is_refused(liar: Liar, body: bytes) -> None:
    liar.raw["/.well-known/openid-configuration"] = body
    assert refuse(liar) == "document"


@pytest.mark.covers("INT-04", "K01")
def test_a_slow_provider_is_not_waited_for(liar: Liar) -> None:
    liar.delay = 3
    begun = time.monotonic()
    assert refuse(liar, make_party(total=0.3)) == "timeout"
    assert time.monotonic() - begun < 2


@pytest.mark.covers("INT-04", "K01")
def test_no_redirect_is_followed(liar: Liar) -> None:
    liar.token_status = 302
    assert refuse(liar) == "status"
    assert "/elsewhere" not in liar.asked


@pytest.mark.covers("INT-04")
def test_a_refused_code_is_told_by_its_word(liar: Liar) -> None:
    liar.token_status, liar.raw = 400, {}
    assert refuse(liar) == "status"
