# SPDX-License-Identifier: Apache-2.0
"""Host assertions: what passes, and a table of what must not."""

from __future__ import annotations

import hashlib
import hmac
import json
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.identity.signing import (
    AUDIENCE,
    ISSUER,
    NOW,
    EdSigner,
    P256Signer,
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
from vestibule.core.email import EmailAddress
from vestibule.errors import NotAuthenticatedError
from vestibule.identity.assertion import AssertionVerifier
from vestibule.identity.jwks import StaticKeys, parse_jwks

ED, P256 = EdSigner(), P256Signer()
BOTH = AssertionVerifier(StaticKeys(parse_jwks(jwks(ED, P256))), ISSUER, AUDIENCE, lambda: NOW)
ONLY_ED = AssertionVerifier(StaticKeys(parse_jwks(jwks(ED))), ISSUER, AUDIENCE, lambda: NOW)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _claim(name: str, value: object) -> dict[str, Any]:
    return {name: value}


def assert_refused(jws: str, verifier: AssertionVerifier = BOTH) -> None:
    with pytest.raises(NotAuthenticatedError) as caught:
        verifier.verify(jws)
    # The same error for everything: no cause, no context, no text of its own.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert str(caught.value) == str(NotAuthenticatedError())
    # The neighbouring success, so that no refusal passes by accident.
    assert verifier.verify(assertion(ED)).principal_id == "user-7"


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
        "ed-1\0",
        "ED-1",
        "ed-2",
        "p-1",
        "",
        "k" * 256,
    ]
    + [None, 1, ["ed-1"], {"kid": "ed-1"}],
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
def test_a_skewed_clock_is_forgiven_for_one_minute_only(skew: int, passes: bool) -> None:  # noqa: FBT001
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
    for bad in (der, raw[:63], raw + b"\0", b"\0" * 64, b"\xff" * 64, raw[32:] + raw[:32], b""):
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
    [b"null", b"[]", b'"x"', b"1", b"", b"{", b"{}", b"\xff\xfe", b"\xef\xbb\xbf{}", "{}".encode("utf-16")]
    + [b"[" * 5000, b'{"a":' * 900],
    ids=lambda body: repr(body[:8]),
)
def test_a_payload_that_is_no_object_of_claims_is_refused(body: bytes) -> None:
    assert_refused(seal(ED, dump(header(ED)), b64(body)))
    assert_refused(seal(ED, b64(body), dump(claims())))


def test_an_assertion_beyond_its_length_is_refused() -> None:
    assert len(assertion(ED, pad="x" * 5400)) < 8192
    assert BOTH.verify(assertion(ED, pad="x" * 5400)).principal_id == "user-7"
    assert_refused(assertion(ED, pad="x" * 6200))


@pytest.mark.parametrize(
    "sub", ["x" * 256, "a\0b", "a\nb", "a\u202eb", "a\u200bb", "\ud800", " ", " a", "a ", 7], ids=repr
)
def test_a_subject_is_plain_text_of_bounded_length(sub: object) -> None:
    assert_refused(assertion(ED, sub=sub))
    assert BOTH.verify(assertion(ED, sub="x" * 255)).principal_id == "x" * 255


@pytest.mark.covers("A04", "A03", "ACC-03")
@pytest.mark.parametrize(
    "verified", ["true", "True", 1, 1.0, "1", None, False, "false", [True], {}, ...], ids=repr
)
def test_only_a_literal_true_verifies_an_address(verified: object) -> None:
    entry: dict[str, Any] = {"email": "v@acme.com"} | ({} if verified is ... else {"verified": verified})
    assert BOTH.verify(assertion(ED, emails=[entry])).addresses == ()
    assert len(BOTH.verify(assertion(ED, emails=[entry | {"verified": True}])).addresses) == 1


@pytest.mark.covers("A04", "A17")
def test_a_verified_address_does_not_verify_its_neighbour() -> None:
    emails = [
        {"email": "one@acme.com", "verified": True},
        {"email": "two@acme.com", "verified": False},
        {"email": "three@acme.com", "email_verified": True},
        {"email": "four@acme.com", "verified": True},
        {"email": "ONE@acme.com", "verified": True},
    ]
    identity = BOTH.verify(assertion(ED, emails=emails, email="five@acme.com", email_verified=True))
    assert [a.address.key for a in identity.addresses] == ["one@acme.com", "four@acme.com"]
    assert identity.find_evidence(EmailAddress("two@acme.com")) is None


@pytest.mark.covers("A15", "A13", "G05", "G06")
@pytest.mark.parametrize(
    "email",
    ["mıke@acme.com", " v@acme.com", "v@acme.com\n", "a@b@acme.com", "v@[127.0.0.1]", "v@acme.com,x@evil.com"]
    + [
        "=?utf-8?q?v=40acme.com?=@evil.com",
        "v@acme。com",
        "",
        None,
        7,
        ["v@acme.com"],
        {"email": "v@acme.com"},
    ],
    ids=repr,
)
def test_an_address_that_can_not_be_read_is_left_out(email: object) -> None:
    good = {"email": "Other@Acme.com", "verified": True}
    identity = BOTH.verify(assertion(ED, emails=[{"email": email, "verified": True}, good]))
    assert [a.address.key for a in identity.addresses] == ["other@acme.com"]


@pytest.mark.parametrize(
    "emails",
    ["v@acme.com", {"email": "v@acme.com", "verified": True}, True, 1, ["v@acme.com"], [None], [[]]]
    + [[{"email": "v@acme.com", "verified": True}] * 21],
    ids=lambda emails: repr(emails)[:30],
)
def test_emails_is_a_short_list_of_objects(emails: object) -> None:
    assert_refused(assertion(ED, emails=emails))


@pytest.mark.covers("G14")
def test_a_name_loses_what_can_not_be_seen() -> None:
    given = {
        "V\u202eera": "Vera",
        "\u200b\u2066\0": None,
        "": None,
        " ": None,
        "Zoë 李": "Zoë 李",
        "a\r\nb": "ab",
        "\ud800x": "x",
    }
    for name, shown in given.items():
        assert BOTH.verify(assertion(ED, name=name)).name == shown
    for wrong in ("x" * 201, 7, ["Vera"], True):
        assert_refused(assertion(ED, name=wrong))


@pytest.mark.parametrize(
    "change",
    [{"connection": ""}, {"connection": "x" * 256}, {"connection": 7}, {"connection": "a\nb"}, {"amr": "pwd"}]
    + [{"amr": ["pwd", 1]}, {"amr": ["x"] * 21}, {"amr": [""]}, {"auth_time": "now"}, {"auth_time": True}],
    ids=repr,
)
def test_an_optional_claim_of_the_wrong_shape_is_refused(change: dict[str, Any]) -> None:
    assert_refused(assertion(ED, **change))


@pytest.mark.covers("OBS-04")
def test_no_claim_reaches_the_exception_or_its_traceback() -> None:
    planted = "planted.person@secret-company.example"
    jws = assertion(EdSigner(ED.kid), sub=planted, emails=[{"email": planted, "verified": True}])
    try:
        BOTH.verify(jws)
    except NotAuthenticatedError as refused:
        shown = "".join(traceback.format_exception(refused)) + repr(refused) + str(refused.args)
        assert "planted" not in shown
        assert jws not in shown
    else:
        pytest.fail("a forged assertion passed")


def test_an_identity_is_judged_anew_each_time() -> None:
    now = [NOW]
    verifier = AssertionVerifier(StaticKeys(parse_jwks(jwks(ED))), ISSUER, AUDIENCE, lambda: now[0])
    jws = assertion(ED, exp=T + 5)
    assert verifier.verify(jws) == verifier.verify(jws)
    now[0] += timedelta(seconds=5)
    with pytest.raises(NotAuthenticatedError):
        verifier.verify(jws)
