# SPDX-License-Identifier: Apache-2.0
"""PKCS#11: a hardware module, or SoftHSM, through its vendor's library.

* Signing keys are Ed25519 where the token can, else P-256; blind RSA is ``CKM_RSA_X_509``, the bare private
  exponentiation (RFC 9474; the guard before this checks range and result).
* A secret is wrapped by an AES key of its own in the token (AES-256-GCM), bound to its key's id, purpose and
  algorithm; the reference holds the wrapped form. Destroying the AES key destroys the secret.
* Private halves are made in the token, sensitive and not extractable. They are found by id *and* label, which
  has id, purpose and algorithm, so that one key can't be used in another's place.

python-pkcs11 initialises a library without locking, and two threads in one crash: calls go one at a time.
A wrong PIN is tried once, for a token locks itself after a few.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

from vestibule.core.keys import Algorithm, KeyRecord
from vestibule.core.token import mint_nonce, mint_secret_bytes
from vestibule.errors import KeyProviderError
from vestibule.keys.breaker import ProviderDownError
from vestibule.ports import ProvidedKey

RSA_BITS = 3072
_NONCE_BYTES = 12
_TAG_BITS = 128
_PROBE_BITS = 64
# Object identifiers in DER: 1.3.101.112 and 1.2.840.10045.3.1.7.
_ED25519 = bytes.fromhex("06032b6570")
_P256 = bytes.fromhex("06082a8648ce3d030107")
_LOCKED = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True}
_PIN_FAULTS = (
    pkcs11.PinExpired,
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
    pkcs11.UserPinNotInitialized,
)
_REFUSALS = (
    pkcs11.KeyTypeInconsistent,
    pkcs11.MechanismInvalid,
    pkcs11.MultipleObjectsReturned,
    pkcs11.NoSuchKey,
    *_PIN_FAULTS,
)
# What modules say of a tag that does not fit; SoftHSM says GeneralError.
_DAMAGED = (pkcs11.EncryptedDataInvalid, pkcs11.EncryptedDataLenRange, pkcs11.GeneralError)
_Answer = TypeVar("_Answer")
_one_at_a_time = threading.Lock()


class Pkcs11Provider:
    """Implements ``ports.KeyProvider`` over one token. Nothing is asked before the first call."""

    scheme = "pkcs11"
    algorithms = frozenset(Algorithm)

    def __init__(self, library: Path, label: str, pin: str) -> None:
        self._library = library
        self._label = label
        self._pin = pin
        self._session: Any = None
        self._mechanisms: set[Mechanism] | None = None
        self._wrong_pin = ""
        self._is_stuck = False

    def __repr__(self) -> str:
        return "<Pkcs11Provider>"

    @property
    def signing(self) -> Algorithm:
        """Ed25519 until the token has said that it can't."""
        is_able = self._mechanisms is None or Mechanism.EDDSA in self._mechanisms
        return Algorithm.ED25519 if is_able else Algorithm.ES256

    @property
    def wrong_pin(self) -> str:
        """What the token has against the PIN; empty while nothing is known."""
        return self._wrong_pin

    def create(self, key_id: str, purpose: str, algorithm: Algorithm) -> ProvidedKey:
        name = {"id": key_id.encode(), "label": _label(key_id, purpose, algorithm)}
        if algorithm is Algorithm.SECRET:
            bound = _bind(key_id, purpose, algorithm)
            return ProvidedKey(
                reference=self._use(lambda session: _wrap(session, name, bound)), public_key=None
            )
        public = self._use(lambda session: _MAKERS[algorithm](session, name))
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return ProvidedKey(reference=key_id, public_key=der)

    def sign(self, key: KeyRecord, data: bytes) -> bytes:
        if key.algorithm is Algorithm.ED25519:
            return self._exponentiate(key, data, Mechanism.EDDSA)
        return self._exponentiate(key, sha256(data).digest(), Mechanism.ECDSA)

    def blind_sign(self, key: KeyRecord, blinded: bytes) -> bytes:
        return self._exponentiate(key, blinded, Mechanism.RSA_X_509)

    def open_secret(self, key: KeyRecord) -> bytes:
        try:
            sealed = base64.b64decode(key.reference, validate=True)
        except (binascii.Error, ValueError):
            raise KeyProviderError(f"the reference of key {key.key_id} is damaged") from None

        def unwrap(session: pkcs11.Session) -> bytes | None:
            found: Any = session.get_key(ObjectClass.SECRET_KEY, id=key.key_id.encode(), label=_label_of(key))
            params = _params(sealed[:_NONCE_BYTES], _bind(key.key_id, key.purpose, key.algorithm))
            try:
                opened: bytes = found.decrypt(
                    sealed[_NONCE_BYTES:], mechanism=Mechanism.AES_GCM, mechanism_param=params
                )
            except _DAMAGED:
                return None
            return opened

        secret = self._use(unwrap)
        if secret is None:
            raise KeyProviderError(f"the reference of key {key.key_id} is damaged or another key's")
        return secret

    def destroy(self, key: KeyRecord) -> None:
        name = {Attribute.ID: key.key_id.encode(), Attribute.LABEL: _label_of(key)}

        def destroy_all(session: pkcs11.Session) -> None:
            for found in list(session.get_objects(name)):
                found.destroy()

        self._use(destroy_all)

    def examine(self) -> Sequence[str]:
        self._use(lambda session: session.generate_random(_PROBE_BITS))
        needed = {Mechanism.AES_GCM, Mechanism.RSA_X_509}
        lacking = needed - (self._mechanisms or set())
        return [f"the token can't do {mechanism.name}" for mechanism in sorted(lacking)]

    def _exponentiate(self, key: KeyRecord, data: bytes, mechanism: Mechanism) -> bytes:
        def sign(session: pkcs11.Session) -> bytes:
            found: Any = session.get_key(
                ObjectClass.PRIVATE_KEY, id=key.reference.encode(), label=_label_of(key)
            )
            signature: bytes = found.sign(data, mechanism=mechanism)
            return signature

        return self._use(sign)

    def _use(self, work: Callable[[pkcs11.Session], _Answer]) -> _Answer:
        """One piece of work in the token.

        Raises:
            KeyProviderError: the token refuses.
            ProviderDownError: it can't be used; the next call begins with a new session.
        """
        with _one_at_a_time:
            if self._wrong_pin:
                raise KeyProviderError(f"the token does not take the PIN ({self._wrong_pin})")
            try:
                if self._session is None:
                    self._session = self._open()
                return work(self._session)
            except pkcs11.PKCS11Error as error:
                fault, is_refusal = type(error).__name__, isinstance(error, _REFUSALS)
                if isinstance(error, _PIN_FAULTS):
                    self._wrong_pin = fault
                if not is_refusal:
                    self._session = None
        if is_refusal:
            raise KeyProviderError(f"the token refuses ({fault})")
        raise ProviderDownError(f"the token can't be used ({fault})")

    def _open(self) -> pkcs11.Session:
        library = pkcs11.lib(str(self._library))
        if self._is_stuck:
            # A module that was away is often seen again only by a library that begins anew.
            library.reinitialize()
        self._is_stuck = True
        token = library.get_token(token_label=self._label)
        try:
            session = token.open(rw=True, user_pin=self._pin)
        except pkcs11.UserAlreadyLoggedIn:
            # By another session of this process: a token's log-in is the whole process's.
            session = token.open(rw=True)
        self._mechanisms = token.slot.get_mechanisms()
        self._is_stuck = False
        return session


def _make_ed25519(session: pkcs11.Session, name: dict[str, Any]) -> PublicKeyTypes:
    point = _make_on_curve(session, name, KeyType.EC_EDWARDS, _ED25519, Mechanism.EC_EDWARDS_KEY_PAIR_GEN)
    return ed25519.Ed25519PublicKey.from_public_bytes(point[-32:])


def _make_p256(session: pkcs11.Session, name: dict[str, Any]) -> PublicKeyTypes:
    point = _make_on_curve(session, name, KeyType.EC, _P256, Mechanism.EC_KEY_PAIR_GEN)
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point[-65:])


def _make_on_curve(
    session: pkcs11.Session, name: dict[str, Any], kind: KeyType, curve: bytes, mechanism: Mechanism
) -> bytes:
    """The public point; most modules wrap it in an OCTET STRING, whose head comes first."""
    parameters = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: curve}, local=True)
    public, _ = parameters.generate_keypair(mechanism=mechanism, **_SIGNING, **name)
    return bytes(public[Attribute.EC_POINT])


def _make_rsa(session: pkcs11.Session, name: dict[str, Any]) -> PublicKeyTypes:
    public, _ = session.generate_keypair(KeyType.RSA, RSA_BITS, **_SIGNING, **name)
    exponent, modulus = public[Attribute.PUBLIC_EXPONENT], public[Attribute.MODULUS]
    return rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")).public_key()


def _wrap(session: pkcs11.Session, name: dict[str, Any], bound: bytes) -> str:
    use = MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT
    key: Any = session.generate_key(KeyType.AES, 256, store=True, capabilities=use, template=_LOCKED, **name)
    nonce = mint_nonce()
    sealed = key.encrypt(
        mint_secret_bytes(), mechanism=Mechanism.AES_GCM, mechanism_param=_params(nonce, bound)
    )
    return base64.b64encode(nonce + sealed).decode()


def _params(nonce: bytes, bound: bytes) -> pkcs11.GCMParams:
    return pkcs11.GCMParams(nonce, bound, _TAG_BITS)


def _label(key_id: str, purpose: str, algorithm: Algorithm) -> str:
    return f"vestibule {purpose} {algorithm} {key_id}"


def _label_of(key: KeyRecord) -> str:
    return _label(key.key_id, key.purpose, key.algorithm)


def _bind(key_id: str, purpose: str, algorithm: Algorithm) -> bytes:
    return f"vestibule-key\0{key_id}\0{purpose}\0{algorithm}".encode()


_SIGNING: dict[str, Any] = {
    "store": True,
    "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
    "private_template": _LOCKED,
}
_MAKERS: dict[Algorithm, Callable[[pkcs11.Session, dict[str, Any]], PublicKeyTypes]] = {
    Algorithm.ED25519: _make_ed25519,
    Algorithm.ES256: _make_p256,
    Algorithm.RSABSSA: _make_rsa,
}
