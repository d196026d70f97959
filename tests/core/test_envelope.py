# SPDX-License-Identifier: Apache-2.0
"""Signed tokens: one shape, one spelling, one algorithm to a key, and nothing personal inside."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jwt

from tests.vectors.tokens import make
from vestibule.core.envelope import (
    EnvelopeOrder,
    SignedToken,
    choose_token,
    find_fault,
    hide,
    mint_envelope,
    parse_link_token,
)
from vestibule.core.keys import Algorithm, KeyRecord, KeySchedule
from vestibule.core.policy import DEFAULT_POLICY
from vestibule.core.token import ClaimToken, digest
from vestibule.errors import ClaimRejectedError, KeyMissingError, RejectReason
from vestibule.keys import signatures

VECTORS = Path(make.__file__).parent
NOW = datetime.fromtimestamp(make.NOW, UTC)
SCHEDULE = KeySchedule()


def cases(name: str) -> list[Any]:
    document = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(case["token"], case["verdict"], id=case["name"]) for case in document["cases"]]


def record(key_id: str = make.ED_ID, *, private: Any = make.ED, **changes: Any) -> KeyRecord:
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    values: dict[str, Any] = {
        "key_id": key_id,
        "purpose": "claim",
        "algorithm": Algorithm.ED25519 if private is make.ED else Algorithm.ES256,
        "provider": "file",
        "reference": key_id,
        "public_key": public,
        "created_at": NOW - timedelta(days=30),
        "active_at": NOW - timedelta(days=20),
    }
    return KeyRecord(**values | changes)


KEYS = {make.ED_ID: record(), make.P256_ID: record(make.P256_ID, private=make.P256)}


def judge(text: object) -> str:
    """What the service finds, in the words of the vectors."""
    try:
        token = parse_link_token(text, make.ISSUER)
    except ClaimRejectedError as refusal:
        assert refusal.reason is RejectReason.MALFORMED
        return "shape"
    if isinstance(token, ClaimToken):
        return "probable"
    key = KEYS.get(token.key_id)
    fault = find_fault(token, key, NOW, SCHEDULE)
    if fault is None and key is not None and not signatures.verify(key, token.signing_input, token.signature):
        return "forged"
    return fault or "probable"


def test_the_golden_tokens_are_those_that_are_made() -> None:
    for name, text in make.documents().items():
        assert (VECTORS / name).read_text(encoding="utf-8") == text


@pytest.mark.covers("TOK-03", "TOK-04", "C01", "C02", "C03", "C04", "C05", "C10")
@pytest.mark.parametrize("token,verdict", cases("signed"))
def test_every_signed_golden_token_is_judged_as_written(token: str, verdict: str) -> None:
    assert judge(token) == verdict


@pytest.mark.covers("TOK-01")
@pytest.mark.parametrize("token,verdict", cases("opaque"))
def test_every_opaque_golden_token_is_judged_as_written(token: str, verdict: str) -> None:
    assert judge(token) == verdict


@pytest.mark.covers("C02", "TOK-03")
def test_all_spellings_of_a_last_character_are_refused_but_one() -> None:
    others = make.spellings(make.make())
    assert len(others) == 15
    assert {judge(other) for other in others} == {"shape"}


@pytest.mark.covers("TOK-03")
def test_no_beginning_and_no_lengthening_of_a_token_is_one() -> None:
    good = make.make()
    assert {judge(good[:length]) for length in range(len(good))} == {"shape"}
    assert {judge(good + "A" * more) for more in range(1, 65)} == {"shape"}


@given(st.one_of(st.text(max_size=1200), st.none(), st.integers(), st.binary(max_size=50)))
def test_whatever_stands_in_a_link_is_judged_and_nothing_else_happens(text: object) -> None:
    assert judge(text) == "shape"


def order(now: datetime = NOW) -> EnvelopeOrder:
    return EnvelopeOrder(
        key=KEYS[make.ED_ID], issued_at=now, expires_at=now + timedelta(days=7, milliseconds=1)
    )


def signed() -> SignedToken:
    envelope = mint_envelope(order(), make.ISSUER)
    return envelope.close(make.ED.sign(envelope.signing_input))


@pytest.mark.covers("TOK-03")
def test_a_minted_token_is_read_back_and_says_six_things_none_of_them_personal() -> None:
    token = signed()
    again = parse_link_token(token.reveal(), make.ISSUER)
    assert again == token
    head, claims, _ = (part + "=" * (-len(part) % 4) for part in token.reveal().split("."))
    assert json.loads(base64.urlsafe_b64decode(head)) == {
        "alg": "Ed25519",
        "kid": make.ED_ID,
        "typ": "inv+jwt",
    }
    told = json.loads(base64.urlsafe_b64decode(claims))
    assert told | {"jti": ""} == {
        "iss": make.ISSUER,
        "aud": make.ISSUER,
        "iat": make.NOW,
        "exp": make.NOW + 7 * 86_400 + 1,
        "jti": "",
        "scp": "accept",
    }
    assert len(base64.urlsafe_b64decode(told["jti"] + "=")) == 32
    assert token.claim_token_hash == digest(told["jti"])


@pytest.mark.covers("TOK-03")
def test_a_second_implementation_verifies_a_minted_token() -> None:
    public = jwk.OKPKey.import_key(make.jwks()["keys"][0])
    read = jwt.decode(signed().reveal(), public, algorithms=["Ed25519"])
    assert read.header["typ"] == "inv+jwt"
    assert read.claims["aud"] == make.ISSUER


@pytest.mark.covers("TOK-02")
def test_neither_a_token_nor_its_envelope_shows_itself() -> None:
    envelope = mint_envelope(order(), make.ISSUER)
    token = envelope.close(b"\0" * 64)
    for shown in (repr(envelope), str(envelope), repr(token), str(token), f"{token}"):
        assert "eyJ" not in shown
        assert len(shown) < 30


@pytest.mark.covers("B07", "C08")
def test_no_two_tokens_have_the_same_secret() -> None:
    hashes = {mint_envelope(order(), make.ISSUER).claim_token_hash for _ in range(500)}
    assert len(hashes) == 500


@pytest.mark.covers("TOK-04", "C06")
@pytest.mark.parametrize(
    "changes,fault",
    [
        ({}, None),
        ({"active_at": None}, None),
        ({"replaced_at": NOW, "verify_until": NOW + timedelta(days=1)}, None),
        ({"replaced_at": NOW - timedelta(hours=2), "verify_until": NOW + timedelta(days=1)}, "key_refused"),
        ({"replaced_at": NOW - timedelta(hours=1), "verify_until": NOW + timedelta(days=1)}, None),
        ({"replaced_at": NOW, "verify_until": NOW}, "key_refused"),
        ({"compromised_at": NOW}, "key_refused"),
        ({"purpose": "schedule"}, "unknown_key"),
        ({"purpose": "receipt"}, "unknown_key"),
        ({"public_key": None}, "unknown_key"),
        ({"algorithm": Algorithm.ES256}, "wrong_algorithm"),
    ],
)
def test_a_token_counts_only_while_its_key_does(changes: dict[str, Any], fault: str | None) -> None:
    token = parse_link_token(make.make(), make.ISSUER)
    assert isinstance(token, SignedToken)
    assert find_fault(token, replace(KEYS[make.ED_ID], **changes), NOW, SCHEDULE) == fault


@pytest.mark.covers("C07")
@pytest.mark.parametrize(
    "moved,fault",
    [
        (-86_400, "not_yet"),
        (-3661, "not_yet"),
        (-3660, None),
        (-300, None),
        (30, None),
        (3659, None),
        (3660, "expired"),
        (86_400, "expired"),
    ],
)
def test_the_leeway_is_sixty_seconds_and_no_more(moved: int, fault: str | None) -> None:
    token = parse_link_token(make.make(), make.ISSUER)
    assert isinstance(token, SignedToken)
    assert find_fault(token, KEYS[make.ED_ID], NOW + timedelta(seconds=moved), SCHEDULE) == fault


@pytest.mark.covers("B16")
def test_what_is_stored_is_no_token_and_a_hidden_hash_is_nobodys() -> None:
    token = signed()
    assert judge(token.claim_token_hash.hex()) == "shape"
    assert hide(token.claim_token_hash) != token.claim_token_hash


@pytest.mark.covers("TOK-03")
def test_where_policy_asks_for_signed_links_no_opaque_one_is_minted() -> None:
    with pytest.raises(KeyMissingError):
        choose_token(replace(DEFAULT_POLICY, token="signed"), None)
    assert isinstance(choose_token(DEFAULT_POLICY, None), ClaimToken)
