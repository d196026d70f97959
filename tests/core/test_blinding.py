# SPDX-License-Identifier: Apache-2.0
"""RFC 9474: the client's and the verifier's part, and the signer's, by the RFC's own vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vestibule.core.blinding import RsaPublicKey, blind, finalise, is_valid, prepare, read_public_key
from vestibule.keys.blinding import sign_blindly

DOCUMENT = json.loads((Path(__file__).parents[1] / "vectors" / "rfc9474.json").read_text())
P, Q, E = (int(DOCUMENT[name], 16) for name in ("p", "q", "e"))
KEY = RsaPublicKey(P * Q, E)


def private_key() -> rsa.RSAPrivateKey:
    d = pow(E, -1, (P - 1) * (Q - 1))
    return rsa.RSAPrivateNumbers(
        P, Q, d, d % (P - 1), d % (Q - 1), pow(Q, -1, P), rsa.RSAPublicNumbers(E, P * Q)
    ).private_key()


def read(vector: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(vector[name])


def prepared_by(vector: dict[str, Any]) -> bytes:
    return prepare(bytes.fromhex(DOCUMENT["message"]), read(vector, "prefix"))


@pytest.mark.covers("TOK-07")
@pytest.mark.parametrize("vector", DOCUMENT["vectors"], ids=lambda one: one["name"])
def test_the_vectors_of_RFC_9474_hold_byte_for_byte(vector: dict[str, Any]) -> None:
    prepared, inverse = prepared_by(vector), int(vector["inverse"], 16)
    blinded = blind(KEY, prepared, salt=read(vector, "salt"), inverse=inverse)
    assert blinded == read(vector, "blinded")
    signed = sign_blindly(private_key(), blinded)
    assert signed == read(vector, "blind_signature")
    signature = (int.from_bytes(signed, "big") * inverse % KEY.n).to_bytes(KEY.size, "big")
    assert signature == read(vector, "signature")
    salt_bytes = len(read(vector, "salt"))
    assert is_valid(KEY, prepared, signature, salt_bytes=salt_bytes)
    if salt_bytes:
        assert finalise(KEY, prepared, signed, inverse=inverse) == signature


@pytest.mark.covers("TOK-07")
def test_our_verifier_agrees_with_OpenSSL_on_every_changed_byte() -> None:
    vector = DOCUMENT["vectors"][0]
    prepared, good = prepared_by(vector), read(vector, "signature")
    public = private_key().public_key()
    spoiled = [good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :] for place in range(0, 512, 16)]
    odd = [good, good[1:], good + b"\0", bytes(512), b"\xff" * 512, b"", *spoiled]
    for signature in odd:
        try:
            public.verify(signature, prepared, padding.PSS(padding.MGF1(SHA384()), 48), SHA384())
            openssl = True
        except InvalidSignature:
            openssl = False
        assert is_valid(KEY, prepared, signature) is openssl is (signature == good)
    assert not is_valid(KEY, prepared + b"\0", good)


@pytest.mark.covers("TOK-07")
def test_the_signer_refuses_what_is_no_message_of_its_key() -> None:
    private = private_key()
    for wrong in (b"", bytes(511), bytes(513), KEY.n.to_bytes(512, "big"), b"\xff" * 512):
        with pytest.raises(ValueError, match="unexpected input size"):
            sign_blindly(private, wrong)
    assert len(sign_blindly(private, bytes(511) + b"\x02")) == 512


@pytest.mark.covers("TOK-07")
def test_a_signer_whose_arithmetic_fails_gives_nothing_out() -> None:
    private = private_key()
    numbers = private.private_numbers()
    faulty = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d, numbers.dmp1 ^ 2, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    )

    class Broken:
        """A key one of whose halves is wrong, as after a flipped bit."""

        def private_numbers(self) -> rsa.RSAPrivateNumbers:
            return faulty

    blinded = read(DOCUMENT["vectors"][0], "blinded")
    with pytest.raises(ValueError, match="signing failure"):
        sign_blindly(Broken(), blinded)  # type: ignore[arg-type]
    assert sign_blindly(private, blinded) == read(DOCUMENT["vectors"][0], "blind_signature")


@pytest.mark.covers("TOK-07")
def test_a_client_takes_no_answer_that_is_not_the_signature() -> None:
    vector = DOCUMENT["vectors"][0]
    prepared, inverse = prepared_by(vector), int(vector["inverse"], 16)
    signed = read(vector, "blind_signature")
    for wrong in (signed[1:], bytes(512), signed[:-1] + b"\0"):
        with pytest.raises(ValueError, match=r"unexpected input size|invalid signature"):
            finalise(KEY, prepared, wrong, inverse=inverse)
    assert finalise(KEY, prepared, signed, inverse=inverse) == read(vector, "signature")


@pytest.mark.covers("TOK-07")
def test_a_public_key_is_read_strictly_from_its_DER() -> None:
    der = private_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert read_public_key(der) == KEY
    for wrong in (b"", der[:-1], der + b"\0", der.replace(b"\x2a\x86\x48", b"\x2a\x86\x49"), der[1:]):
        with pytest.raises(ValueError, match="not the DER"):
            read_public_key(wrong)
