# SPDX-License-Identifier: Apache-2.0
"""Host assertions: what passes, and a table of what must not."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.identity.signing import (
    AUDIENCE,
    ISSUER,
    NOW,
    EdSigner,
    Signer,
    T,
    assertion,
    b64,
    claims,
    dump,
    header,
    jwks,
    seal,
)
from tests.identity.verifiers import BOTH, ED, ONLY_ED, P256, assert_refused
from vestibule.errors import NotAuthenticatedError
from vestibule.identity.assertion import AssertionVerifier
from vestibule.identity.jwks import StaticKeys, parse_jwks

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _claim(name: str, value: object) -> dict[str, Any]:
    return {name: value}


@pytest.mark.covers("INT-04", "ACC-03")
@pytest.mark.parametrize("signer", [ED, P256], ids=["ed25519", "p256"])
def test_a_good_assertion_becomes_a_verified_identity(signer: Signer) -> None:
    identity = BOTH.verify(
        assertion(
            signer, name="Vera", connection="okta-7", auth_time=T - 100, amr=["pwd", "otp"], tenant="ignored"
        )
    )
    assert identity.principal_id == "user-7"
    assert [(a.address.key, a.evidence) for a in identity.addresses] == [("v@acme.com", "host")]
    assert identity.name == "Vera"
    assert identity.connection == "okta-7"
    assert identity.authenticated_at == datetime.fromtimestamp(T - 100, UTC)
    assert identity.amr == ("pwd", "otp")


@pytest.mark.covers("INT-04")
def test_optional_claims_may_be_absent_or_null() -> None:
    for absent in (..., None):
        identity = BOTH.verify(
            assertion(ED, emails=absent, name=absent, connection=absent, auth_time=absent, amr=absent)
        )
        assert identity.addresses == ()
        assert (identity.name, identity.connection, identity.authenticated_at) == (None, None, None)


@pytest.mark.covers("C02")
def test_an_ed25519_key_takes_both_of_its_header_names() -> None:
    for alg in ("EdDSA", "Ed25519"):
        assert BOTH.verify(assertion(ED, head=header(ED, alg=alg))).principal_id == "user-7"


@pytest.mark.covers("C04")
def test_a_missing_kid_is_good_only_when_there_is_one_key() -> None:
    jws = assertion(ED, head=header(ED, kid=...))
    assert ONLY_ED.verify(jws).principal_id == "user-7"
    assert_refused(jws, BOTH)


def _hmac_forgery(secret: bytes, alg: str = "HS256") -> str:
    signed = f"{dump(header(ED, alg=alg))}.{dump(claims())}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


_PUBLIC = ED.private.public_key()


@pytest.mark.covers("C02", "C10")
@pytest.mark.parametrize(
    "alg", ["none", "None", "nOnE", "", "HS256", "ES256", "RS256", ["EdDSA"], None, 1, True, {}]
)
def test_the_key_and_not_the_header_decides_the_algorithm(alg: object) -> None:
    assert_refused(assertion(ED, head=header(ED, alg=alg)))
    unsigned = f"{dump(header(ED, alg=alg))}.{dump(claims())}"
    for signature in ("", "A" * 86, b64(bytes(32))):
        assert_refused(f"{unsigned}.{signature}")


@pytest.mark.covers("C02")
def test_a_p256_key_takes_no_other_name() -> None:
    for alg in ("EdDSA", "Ed25519", "es256", "ES384", "ES256K", "none"):
        assert_refused(assertion(P256, head=header(P256, alg=alg)))
    assert BOTH.verify(assertion(P256)).principal_id == "user-7"


@pytest.mark.covers("C02")
@pytest.mark.parametrize(
    "secret",
    [
        _PUBLIC.public_bytes_raw(),
        _PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        _PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(ED.public_jwk()).encode(),
        b"",
    ],
    ids=["raw", "pem", "der", "jwk", "empty"],
)
def test_a_mac_keyed_with_the_public_key_is_refused(secret: bytes) -> None:
    for alg in ("HS256", "EdDSA", "Ed25519"):
        assert_refused(_hmac_forgery(secret, alg))


@pytest.mark.covers("C02", "C04")
@pytest.mark.parametrize(
    "extra",
    [
        {"jku": "https://evil.example/jwks"},
        {"jwk": ED.public_jwk()},
        {"x5u": "https://evil.example/x"},
        {"x5c": []},
        {"crit": ["exp"]},
        {"b64": False},
        {"cty": "JWT"},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_a_header_with_anything_more_is_refused(extra: dict[str, Any]) -> None:
    assert_refused(assertion(ED, head=header(ED, **extra)))


@pytest.mark.covers("C05")
@pytest.mark.parametrize(
    "typ", ["JWT", "at+jwt", "inv+jwt", "VESTIBULE-ID+JWT", "vestibule-id+jwt ", "", None, ..., 1]
)
def test_another_type_of_token_by_the_same_key_is_refused(typ: object) -> None:
    assert_refused(assertion(ED, head=header(ED, typ=typ)))


@pytest.mark.covers("C04")
@pytest.mark.parametrize(
    "kid",
    [
        "../../dev/null",
        "' OR 1=1 --",
        "https://evil.example/k",
        "ed-1\x00",
        "ED-1",
        "ed-2",
        "p-1",
        "",
        "k" * 256,
        None,
        1,
        ["ed-1"],
        {"kid": "ed-1"},
    ],
    ids=repr,
)
def test_a_kid_selects_from_the_closed_set_and_nothing_else(kid: object) -> None:
    assert_refused(assertion(ED, head=header(ED, kid=kid)))


@pytest.mark.covers("C02")
@pytest.mark.parametrize("verifier", [BOTH, ONLY_ED], ids=["two keys", "one key"])
def test_a_foreign_key_under_our_kid_is_refused(verifier: AssertionVerifier) -> None:
    stranger = EdSigner(ED.kid)
    assert_refused(assertion(stranger), verifier)
    assert_refused(assertion(stranger, head=header(stranger, kid=...)), verifier)


@pytest.mark.covers("C03")
@pytest.mark.parametrize("name", ["iss", "aud", "iat", "exp", "sub"])
@pytest.mark.parametrize("value", [..., None, "", [], {}, True, False, 1.5, -1])
def test_required_claims_are_required_and_strictly_typed(name: str, value: object) -> None:
    assert_refused(assertion(ED, **_claim(name, value)))


@pytest.mark.covers("C03")
@pytest.mark.parametrize(
    "audience",
    [
        [AUDIENCE],
        [AUDIENCE, "https://other.example"],
        AUDIENCE + "/",
        AUDIENCE[:-1],
        AUDIENCE + ".evil.example",
        AUDIENCE.upper(),
        f"{AUDIENCE} https://other.example",
        {AUDIENCE: True},
        "*",
    ],
    ids=repr,
)
def test_only_the_one_exact_audience_will_do(audience: object) -> None:
    assert_refused(assertion(ED, aud=audience))


@pytest.mark.covers("C03")
@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), "https://evil.example", [ISSUER]], ids=repr)
def test_only_the_one_exact_issuer_will_do(issuer: object) -> None:
    assert_refused(assertion(ED, iss=issuer))


@pytest.mark.covers("C03")
@pytest.mark.parametrize("name", ["iat", "exp", "nbf", "auth_time"])
@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", "NaN", "Infinity", f"{T}.0", f'"{T}"', "true", "[1]", "9" * 5000]
)
def test_a_time_is_a_whole_number_and_nothing_like_one(name: str, text: str) -> None:
    payload = json.dumps(claims(**{name: 424242})).replace("424242", text)
    assert_refused(seal(ED, dump(header(ED)), b64(payload.encode())))


@pytest.mark.covers("C03", "C07")
def test_the_lifetime_ends_at_its_second_and_is_never_long() -> None:
    good: list[dict[str, Any]] = [
        {"iat": T, "exp": T + 300},
        {"iat": T - 299, "exp": T + 1},
        {"iat": T + 60, "exp": T + 360},
        {"nbf": T + 60},
        {"auth_time": T + 60},
    ]
    bad: list[dict[str, Any]] = [
        {"iat": T, "exp": T + 301},
        {"iat": T - 300, "exp": T},
        {"iat": T - 300, "exp": T + 1},
        {"iat": T + 61, "exp": T + 200},
        {"iat": T + 50, "exp": T + 50},
        {"iat": T + 50, "exp": T + 20},
        {"iat": -(2**70), "exp": T + 20},
        {"iat": T, "exp": 2**70},
        {"nbf": T + 61},
        {"auth_time": T + 61},
        {"auth_time": -1},
    ]
    for change in good:
        assert BOTH.verify(assertion(ED, **change)).principal_id == "user-7", change
    for change in bad:
        assert_refused(assertion(ED, **change))


@pytest.mark.covers("C07")
@pytest.mark.parametrize(
    ("skew", "passes"), [(-30, True), (30, True), (-300, False), (300, False), (86400, False)]
)
def test_a_skewed_clock_is_forgiven_for_one_minute_only(skew: int, passes: bool) -> None:
    keys = StaticKeys(parse_jwks(jwks(ED)))
    verifier = AssertionVerifier(keys, ISSUER, AUDIENCE, lambda: NOW + timedelta(seconds=skew))
    jws = assertion(ED, iat=T, exp=T + 300)
    if passes:
        assert verifier.verify(jws).principal_id == "user-7"
    else:
        with pytest.raises(NotAuthenticatedError):
            verifier.verify(jws)


@pytest.mark.covers("C02")
def test_a_member_that_stands_twice_is_refused() -> None:
    head, body = json.dumps(header(ED)), json.dumps(claims())
    assert BOTH.verify(seal(ED, b64(head.encode()), b64(body.encode()))).principal_id == "user-7"
    twice = [
        (head[:-1] + ',"alg":"EdDSA"}', body),
        (head[:-1] + ',"kid":"p-1"}', body),
        (head, body[:-1] + ',"sub":"user-7"}'),
        (head, body[:-1] + ',"sub":"admin"}'),
        (head, body.replace('"verified": true', '"verified": false, "verified": true')),
    ]
    for bad_head, bad_body in twice:
        assert_refused(seal(ED, b64(bad_head.encode()), b64(bad_body.encode())))


@pytest.mark.covers("C02")
def test_there_is_one_spelling_of_a_signature() -> None:
    jws = assertion(ED)
    others = [jws[:-1] + character for character in ALPHABET if character != jws[-1]]
    for other in others:
        assert_refused(other)


@pytest.mark.covers("C02")
@pytest.mark.parametrize("signer", [ED, P256], ids=["ed25519", "p256"])
def test_no_truncation_or_extension_passes(signer: Signer) -> None:
    jws = assertion(signer)
    for length in range(0, len(jws), 7):
        assert_refused(jws[:length])
    for tail in ("A", "=", "==", "\n", " ", ".", ".e30", "\0", "é"):
        assert_refused(jws + tail)
        assert_refused(tail + jws)
    head, payload, signature = jws.split(".")
    for bad in (f"{head}=.{payload}.{signature}", f"{head}.{payload}\n.{signature}", f"{head}.{payload}."):
        assert_refused(bad)


@pytest.mark.covers("C01")
def test_another_payload_under_a_good_signature_is_refused() -> None:
    head, _, signature = assertion(ED).split(".")
    assert_refused(f"{head}.{dump(claims(sub='admin'))}.{signature}")
    assert_refused(f"{head}.{dump(claims())}.")


@pytest.mark.covers("C02")
def test_an_es256_signature_is_64_raw_bytes() -> None:
    signed = f"{dump(header(P256))}.{dump(claims())}"
    raw, der = P256.sign(signed.encode()), P256.sign_der(signed.encode())
    assert BOTH.verify(f"{signed}.{b64(raw)}").principal_id == "user-7"
    for bad in (
        der,
        raw[:63],
        raw + b"\0",
        raw[:32] + b"\0" + raw[32:],
        b"\0" + raw,
        b"\0" * 64,
        b"\xff" * 64,
        raw[32:] + raw[:32],
        b"",
    ):
        assert_refused(f"{signed}.{b64(bad)}")


@pytest.mark.covers("C10")
@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        json.dumps(claims()),
        dump(claims()),
        "e30.e30.e30",
        "a.b.c.d.e",
        "é.é.é",
        "\ud800.x.y",
        "x" * 100_000,
        "." * 8000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_no_compact_jws_is_refused(text: str) -> None:
    assert_refused(text)


@pytest.mark.covers("C10")
@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"",
        b"{",
        b"{}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"[" * 5000,
        b'{"a":' * 900,
    ],
    ids=lambda body: repr(body[:8]),
)
def test_a_payload_that_is_no_object_of_claims_is_refused(body: bytes) -> None:
    assert_refused(seal(ED, dump(header(ED)), b64(body)))
    assert_refused(seal(ED, b64(body), dump(claims())))


def test_an_assertion_beyond_its_length_is_refused() -> None:
    assert len(assertion(ED, pad="x" * 5400)) < 8192
    assert BOTH.verify(assertion(ED, pad="x" * 5400)).principal_id == "user-7"
    assert_refused(assertion(ED, pad="x" * 6200))
