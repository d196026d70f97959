# SPDX-License-Identifier: Apache-2.0
"""The host's key set: what is taken from it, and what is refused at start-up by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.identity.signing import EdSigner, P256Signer, b64, jwks
from vestibule.errors import ConfigurationError
from vestibule.identity.jwks import SETTING, StaticKeys, parse_jwks

ED, P256 = EdSigner(), P256Signer()
RSA = {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"}


def key_set(*entries: object) -> bytes:
    return json.dumps({"keys": list(entries)}).encode()


def assert_refused(data: bytes, *, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_jwks(data)
    assert caught.value.setting == SETTING
    assert str(caught.value).startswith("VESTIBULE_ASSERTION_JWKS: ")
    assert says in caught.value.problem
    assert parse_jwks(jwks(ED)).find(ED.kid) is not None


@pytest.mark.covers("INT-04", "C04")
def test_keys_are_found_by_their_exact_id_only() -> None:
    keys = parse_jwks(jwks(ED, P256))
    assert keys.find("ed-1") is not None
    assert keys.find("p-1") is not None
    for kid in (None, "", "ED-1", "ed-1 ", "../ed-1"):
        assert keys.find(kid) is None


@pytest.mark.covers("C02")
def test_a_key_fixes_its_algorithms() -> None:
    keys = parse_jwks(jwks(ED, P256))
    ed, p256 = keys.find("ed-1"), keys.find("p-1")
    assert ed is not None
    assert p256 is not None
    assert ed.algorithms == {"Ed25519", "EdDSA"}
    assert p256.algorithms == {"ES256"}


def test_without_a_kid_only_a_set_of_one_answers() -> None:
    nameless = {name: value for name, value in ED.public_jwk().items() if name != "kid"}
    assert parse_jwks(key_set(nameless)).find(None) is not None
    assert parse_jwks(key_set(nameless)).find("ed-1") is None
    assert parse_jwks(jwks(ED)).find(None) is not None
    assert_refused(key_set(nameless, P256.public_jwk()), says='no "kid"')


@pytest.mark.parametrize("member", ["d", "k", "p", "q", "dp", "dq", "qi", "oth"])
def test_a_private_member_is_refused_by_name_and_not_repeated(member: str) -> None:
    assert_refused(key_set(ED.public_jwk() | {member: "c2VjcmV0LXZhbHVl"}), says=f'"{member}"')
    with pytest.raises(ConfigurationError) as caught:
        parse_jwks(key_set(P256.public_jwk(), RSA | {member: "c2VjcmV0LXZhbHVl"}))
    assert "c2VjcmV0" not in str(caught.value)


def test_a_symmetric_key_is_refused() -> None:
    assert_refused(key_set({"kty": "oct", "k": "AAAA", "kid": "h"}, ED.public_jwk()), says='"k"')


def test_two_keys_of_one_id_are_refused() -> None:
    assert_refused(jwks(EdSigner("same"), P256Signer("same")), says='same "kid"')


def test_keys_of_other_kinds_and_uses_are_left_aside() -> None:
    other = [RSA, P256.public_jwk() | {"use": "enc"}, P256.public_jwk() | {"key_ops": ["deriveKey"]}]
    other += [P256.public_jwk() | {"crv": "P-384"}, {"kty": "OKP", "crv": "X25519", "x": "AA"}, {}]
    keys = parse_jwks(key_set(*other, ED.public_jwk() | {"key_ops": ["verify"], "alg": "EdDSA"}))
    assert [key.kid for key in keys.keys] == ["ed-1"]
    assert_refused(key_set(*other), says="no Ed25519 or P-256 key")


@pytest.mark.parametrize(
    "change",
    [
        {"x": b64(bytes(31))},
        {"x": b64(bytes(33))},
        {"x": "="},
        {"x": None},
        {"x": "A" * 43 + "="},
        {"alg": "ES256"},
        {"alg": "HS256"},
        {"alg": ["EdDSA"]},
        {"kid": 1},
        {"kid": ""},
        {"kid": "k" * 256},
    ],
    ids=repr,
)
def test_a_damaged_key_is_refused_and_not_skipped(change: dict[str, Any]) -> None:
    assert_refused(key_set(ED.public_jwk() | change), says="")


def test_a_point_off_the_curve_is_refused() -> None:
    jwk = P256.public_jwk()
    assert_refused(key_set(jwk | {"y": jwk["x"]}), says="P-256 key is damaged")
    assert_refused(key_set(jwk | {"x": b64(bytes(32)), "y": b64(bytes(32))}), says="P-256 key is damaged")
    assert_refused(key_set(jwk | {"x": b64(b"\1")}), says="P-256 key is damaged")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[1]}',
        b'{"keys":[]}',
        b"<html>",
        b"\xff",
        b'{"keys":[],"keys":[]}',
        b" " * 70000,
        json.dumps({"keys": [RSA] * 65}).encode(),
        b"[" * 50000,
    ],
    ids=lambda data: repr(data[:16]),
)
def test_what_is_no_key_set_is_refused(data: bytes) -> None:
    assert_refused(data, says="key set")


def test_a_file_is_read_once_and_a_missing_one_named(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(ED))
    keys = StaticKeys.from_file(path)
    path.unlink()
    assert keys.find("ed-1") is not None
    for missing in (path, tmp_path):
        with pytest.raises(ConfigurationError) as caught:
            StaticKeys.from_file(missing)
        assert caught.value.setting == SETTING
        assert str(missing) in caught.value.problem
