# SPDX-License-Identifier: Apache-2.0
"""Who reports leaks proves it by a signature over the raw body; nobody else learns anything."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vestibule.errors import ConfigurationError, NotAuthenticatedError
from vestibule.identity.leak_reporters import SignedReports, parse_leak_keys

PARTNER = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
BODY = b'[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]'


def pem(private: Any) -> str:
    return str(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def published(*entries: tuple[str, str]) -> bytes:
    keys = [{"key_identifier": name, "key": key, "is_current": True} for name, key in entries]
    return json.dumps({"public_keys": keys}).encode()


def sign(body: bytes = BODY, private: Any = PARTNER, digest: Any = None) -> str:
    return base64.b64encode(private.sign(body, ec.ECDSA(digest or SHA256()))).decode()


REPORTS = SignedReports(parse_leak_keys(published(("one", pem(PARTNER)), ("two", pem(OTHER)))))


@pytest.mark.covers("DEL-09")
def test_a_partners_signature_over_the_raw_body_is_enough() -> None:
    REPORTS.check("one", sign(), BODY)
    REPORTS.check("two", sign(private=OTHER), BODY)


@pytest.mark.covers("DEL-09", "K03")
@pytest.mark.parametrize(
    "key_id,signature,body",
    [
        ("one", sign(), BODY + b" "),
        ("two", sign(), BODY),
        ("three", sign(), BODY),
        ("", sign(), BODY),
        ("one", "", BODY),
        ("one", "%%%", BODY),
        ("one", base64.b64encode(b"\x30\x06\x02\x01\x00\x02\x01\x00").decode(), BODY),
        ("one", base64.b64encode(b"\0" * 64).decode(), BODY),
        ("one", base64.b64encode(b"\x30\x26\x02\x21" + b"\xff" * 33 + b"\x02\x01\x01").decode(), BODY),
        ("one", "A" * 10_000, BODY),
        ("one", sign(digest=SHA384()), BODY),
        ("one", sign() + "\n", BODY),
        ("one", "é", BODY),
    ],
    ids=range(13),
)  # fmt: skip
def test_everybody_else_gets_one_answer(key_id: str, signature: str, body: bytes) -> None:
    with pytest.raises(NotAuthenticatedError) as refusal:
        REPORTS.check(key_id, signature, body)
    assert str(refusal.value) == str(NotAuthenticatedError())


@pytest.mark.covers("DEL-09")
@pytest.mark.parametrize(
    "document",
    [
        b"", b"[]", b"{}", b'{"public_keys": 1}', b'{"public_keys": []}', b'{"public_keys": [1]}',
        b'{"public_keys": [{"key_identifier": "a", "key": 1}]}', published(("a", "no key")),
        published(("", pem(PARTNER))), published(("a", pem(PARTNER)), ("a", pem(OTHER))),
        published(("a", pem(ed25519.Ed25519PrivateKey.generate()))),
        published(("a", pem(ec.generate_private_key(ec.SECP384R1())))),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_list_of_keys_is_refused_by_the_name_of_its_setting(document: bytes) -> None:
    with pytest.raises(ConfigurationError, match="VESTIBULE_LEAK_KEYS"):
        parse_leak_keys(document)
