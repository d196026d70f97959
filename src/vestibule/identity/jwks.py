# SPDX-License-Identifier: Apache-2.0
"""The host's public keys: a closed set, each of which fixes the algorithms it verifies.

Guarantees:

* a key is Ed25519 (RFC 8037) or P-256 (RFC 7518 section 6.2.1); the key decides which algorithm, and a
  signed header only repeats it (RFC 8725 section 3.1);
* a set that holds private key material, two keys of one id, or no usable key is refused at start-up;
* a key id selects from the set and is never a path, a URL or a query (RFC 8725 section 3.10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from vestibule.core.strict import decode_segment, load_object
from vestibule.errors import ConfigurationError

SETTING = "VESTIBULE_ASSERTION_JWKS"
MAX_BYTES = 64 * 1024
MAX_KEYS = 64
KID_MAX = 255
SIGNATURE_BYTES = 64
_COORDINATE_BYTES = 32
_PRIVATE_MEMBERS = ("d", "k", "p", "q", "dp", "dq", "qi", "oth")
_REMEDY = "Give a file or https address of a JSON Web Key Set with the host's public Ed25519 or P-256 keys"
_ED25519 = frozenset({"Ed25519", "EdDSA"})
_P256 = frozenset({"ES256"})
_P256_HASH = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """One verification key with the header names of the only algorithm it does."""

    kid: str | None
    algorithms: frozenset[str]
    # Takes (signature, data); raises InvalidSignature.
    raw_verify: Callable[[bytes, bytes], None] = field(repr=False)

    def check(self, signature: bytes, data: bytes) -> None:
        """Return if *signature* (64 bytes in JWS form) over *data* is this key's.

        Raises:
            InvalidSignature: it is not.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise InvalidSignature
        self.raw_verify(signature, data)


class KeySource(Protocol):
    """Where an assertion's key comes from. Answers from memory: it never waits for a network."""

    def find(self, kid: str | None) -> PublicKey | None:
        """The key called *kid*; without a *kid*, the only key of a set of one; else None."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """A parsed, usable set of keys."""

    keys: tuple[PublicKey, ...]
    by_kid: dict[str | None, PublicKey] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table: dict[str | None, PublicKey] = {key.kid: key for key in self.keys if key.kid is not None}
        if len(self.keys) == 1:
            table[None] = self.keys[0]
        object.__setattr__(self, "by_kid", table)

    def find(self, kid: str | None) -> PublicKey | None:
        return self.by_kid.get(kid)


class StaticKeys:
    """Keys that stay the same while the process runs."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    @classmethod
    def from_file(cls, path: str | Path) -> StaticKeys:
        """Read the key set in *path*.

        Raises:
            ConfigurationError: the file can't be read or holds no usable key set.
        """
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as problem:
            raise ConfigurationError(SETTING, f"{path} can't be read ({problem.strerror})", _REMEDY) from None
        return cls(parse_jwks(data))

    def find(self, kid: str | None) -> PublicKey | None:
        return self._keys.find(kid)


def parse_jwks(data: bytes) -> KeySet:
    """The usable public keys of a JWKS (RFC 7517). Keys of other kinds and uses are left aside.

    Raises:
        ConfigurationError: it is not a key set, holds a private key, repeats a key id, or has no usable key.
    """
    if len(data) > MAX_BYTES:
        raise _fault("the key set is larger than 64 KiB")
    try:
        entries = load_object(data).get("keys")
    except ValueError as problem:
        raise _fault(f"the key set is not strict JSON ({problem})") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _fault('the key set has no list of objects called "keys"')
    if len(entries) > MAX_KEYS:
        raise _fault(f"the key set has more than {MAX_KEYS} keys")
    keys = tuple(key for entry in entries if (key := _parse_key(entry)) is not None)
    _check_set(keys)
    return KeySet(keys)


def _check_set(keys: tuple[PublicKey, ...]) -> None:
    if not keys:
        raise _fault("the key set has no Ed25519 or P-256 key for signatures")
    if len(keys) > 1 and any(key.kid is None for key in keys):
        raise _fault('several keys, and one has no "kid" to tell it apart')
    if len({key.kid for key in keys}) != len(keys):
        raise _fault('two keys have the same "kid"')


def _parse_key(entry: dict[str, Any]) -> PublicKey | None:
    for member in _PRIVATE_MEMBERS:
        if member in entry:
            raise _fault(
                f'a key has the private member "{member}": publish the public half, replace this key'
            )
    kid = entry.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= KID_MAX):
        raise _fault('a "kid" is not a text of 1 to 255 characters')
    if entry.get("use", "sig") != "sig" or not _may_verify(entry.get("key_ops")):
        return None
    shape = (entry.get("kty"), entry.get("crv"))
    try:
        if shape == ("OKP", "Ed25519"):
            algorithms, verify = _ED25519, _load_ed25519(entry)
        elif shape == ("EC", "P-256"):
            algorithms, verify = _P256, _load_p256(entry)
        else:
            return None
    except (ValueError, TypeError, KeyError):
        raise _fault(f"a {shape[1]} key is damaged") from None
    # A tuple: what stands there may not even be hashable.
    if entry.get("alg") not in (None, *algorithms):
        raise _fault(f'a {shape[1]} key says another "alg"')
    return PublicKey(kid=kid, algorithms=algorithms, raw_verify=verify)


def _may_verify(key_ops: object) -> bool:
    return key_ops is None or (isinstance(key_ops, list) and "verify" in key_ops)


def _load_ed25519(entry: dict[str, Any]) -> Callable[[bytes, bytes], None]:
    return Ed25519PublicKey.from_public_bytes(decode_segment(entry["x"])).verify


def _load_p256(entry: dict[str, Any]) -> Callable[[bytes, bytes], None]:
    x, y = decode_segment(entry["x"]), decode_segment(entry["y"])
    if len(x) != _COORDINATE_BYTES or len(y) != _COORDINATE_BYTES:
        raise ValueError("coordinate length")
    # from_encoded_point refuses a point that is not on the curve (RFC 8725 section 3.4).
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)

    def verify(signature: bytes, data: bytes) -> None:
        # JWS carries r and s side by side (RFC 7518 section 3.4); the library wants DER.
        r = int.from_bytes(signature[:_COORDINATE_BYTES], "big")
        s = int.from_bytes(signature[_COORDINATE_BYTES:], "big")
        key.verify(encode_dss_signature(r, s), data, _P256_HASH)

    return verify


def _fault(problem: str) -> ConfigurationError:
    return ConfigurationError(SETTING, problem, _REMEDY)
