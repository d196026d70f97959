# SPDX-License-Identifier: Apache-2.0
"""ECDSA from DER to ``r || s``, and what counts as right."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from vestibule.core.keys import Algorithm
from vestibule.keys.signatures import (
    is_blind_signature,
    is_blindable,
    is_public_key,
    is_signature,
    raw_signature,
)

pytestmark = pytest.mark.covers("TOK-05")
_LONG, _HIGH = "11" * 32, "f1" + "22" * 31


def public_bytes(private: PrivateKeyTypes) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "der,r,s",
    [
        pytest.param(f"3044 0220{_LONG} 0220{_LONG}", _LONG, _LONG, id="both 32 bytes"),
        pytest.param(f"3045 0220{_LONG} 022100{_HIGH}", _LONG, _HIGH, id="high bit in s"),
        pytest.param(f"3045 022100{_HIGH} 0220{_LONG}", _HIGH, _LONG, id="high bit in r"),
        pytest.param(f"3046 022100{_HIGH} 022100{_HIGH}", _HIGH, _HIGH, id="high bits in both"),
        pytest.param(f"3043 021f{'33' * 31} 0220{_LONG}", "00" + "33" * 31, _LONG, id="short r"),
        pytest.param(f"3043 0220{_LONG} 021f{'33' * 31}", _LONG, "00" + "33" * 31, id="short s"),
        pytest.param(
            f"3044 0220{_LONG} 022000{'9' + '3' * 61}", _LONG, "00" + "9" + "3" * 61, id="31 with high bit"
        ),
        pytest.param("3006 020101 020102", "00" * 31 + "01", "00" * 31 + "02", id="tiny"),
    ],
)
def test_der_becomes_64_bytes_whatever_the_lengths_inside(der: str, r: str, s: str) -> None:
    assert raw_signature(bytes.fromhex(der)) == bytes.fromhex(r + s)


@pytest.mark.parametrize(
    "der",
    [
        pytest.param("", id="nothing"),
        pytest.param("3006020101", id="cut off"),
        pytest.param("3006020101020102ff", id="trailing"),
        pytest.param("3006020100020102", id="r is zero"),
        pytest.param("3006020101020100", id="s is zero"),
        pytest.param("30060201ff020102", id="r is negative"),
        pytest.param(f"3046 0221 01{'00' * 32} 0221 01{'00' * 32}", id="33 bytes"),
        pytest.param("11" * 64, id="raw already"),
    ],
)
def test_what_is_no_signature_in_der_is_refused(der: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        raw_signature(bytes.fromhex(der))


@given(st.binary(max_size=200))
def test_every_signature_of_a_real_key_survives_the_change_of_form(data: bytes) -> None:
    signature = raw_signature(_KEY.sign(data, ec.ECDSA(SHA256())))
    assert is_signature(_PUBLIC, data, signature)
    assert not is_signature(_PUBLIC, data, signature[32:] + signature[:32])
    assert not is_signature(_PUBLIC, data + b"x", signature)


def test_a_signature_of_the_wrong_length_kind_or_key_is_none() -> None:
    data, ed = b"data", ed25519.Ed25519PrivateKey.generate()
    der = _KEY.sign(data, ec.ECDSA(SHA256()))
    assert is_signature(public_bytes(ed), data, ed.sign(data))
    wrong = [
        (_PUBLIC, der),
        (_PUBLIC, bytes(64)),
        (_PUBLIC, b"\xff" * 64),
        (_PUBLIC, ed.sign(data)),
        (public_bytes(ed), raw_signature(der)),
        (public_bytes(_RSA), bytes(64)),
        (b"no key", ed.sign(data)),
        (None, ed.sign(data)),
    ]
    assert [is_signature(public, data, signature) for public, signature in wrong] == [False] * len(wrong)


def test_a_public_key_is_of_its_algorithm_and_a_secret_has_none() -> None:
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505 - what must be refused
    p384 = ec.generate_private_key(ec.SECP384R1())
    ed = public_bytes(ed25519.Ed25519PrivateKey.generate())
    assert is_public_key(Algorithm.ED25519, ed)
    assert is_public_key(Algorithm.ES256, _PUBLIC)
    assert is_public_key(Algorithm.RSABSSA, public_bytes(_RSA))
    assert is_public_key(Algorithm.SECRET, None)
    wrong = [
        (Algorithm.ED25519, _PUBLIC),
        (Algorithm.ED25519, None),
        (Algorithm.ES256, ed),
        (Algorithm.ES256, public_bytes(p384)),
        (Algorithm.RSABSSA, public_bytes(small)),
        (Algorithm.RSABSSA, _PUBLIC),
        (Algorithm.SECRET, _PUBLIC),
        (Algorithm.ES256, b"no key"),
    ]
    assert [is_public_key(algorithm, public) for algorithm, public in wrong] == [False] * len(wrong)


@pytest.mark.covers("TOK-07")
def test_a_blind_signature_is_the_root_of_what_was_blinded_and_nothing_else() -> None:
    numbers, public = _RSA.private_numbers(), public_bytes(_RSA)
    n = numbers.public_numbers.n
    blinded = (12345).to_bytes(256, "big")
    right = pow(12345, numbers.d, n)
    assert is_blindable(public, blinded)
    assert is_blind_signature(public, blinded, right.to_bytes(256, "big"))
    assert not is_blind_signature(public, blinded, (right + 1).to_bytes(256, "big"))
    assert not is_blind_signature(public, blinded, (right + n).to_bytes(257, "big"))
    assert not is_blind_signature(public, blinded, b"")
    assert not is_blindable(public, n.to_bytes(256, "big"))
    assert not is_blindable(public, blinded[1:])
    assert not is_blindable(_PUBLIC, blinded)


_KEY = ec.generate_private_key(ec.SECP256R1())
_PUBLIC = public_bytes(_KEY)
_RSA = rsa.generate_private_key(65537, 2048)
