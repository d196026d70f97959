# SPDX-License-Identifier: Apache-2.0
"""What is published of the keys: the key set (RFC 7517) and the signed schedule (TOK-04, CRYPTO.md 2.2).

Public halves come as DER and go as JWK. Secrets stand in neither document.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from vestibule.core.keys import BLIND_PREFIX, Algorithm, KeyRecord, KeySchedule, KeyState

SCHEDULE_TYPE = "vestibule-keys+json"
_ED25519 = bytes.fromhex("302a300506032b6570032100")
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_COORDINATE = 32
# RFC 7638, 3.2: the members that make the key, by kind.
_REQUIRED = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Every key as it stood at one moment."""

    keys: Sequence[KeyRecord]
    now: datetime

    def find_active(self, purpose: str) -> KeyRecord | None:
        states = ((key, key.state_at(self.now)) for key in self.keys if key.purpose == purpose)
        return next((key for key, state in states if state is KeyState.ACTIVE), None)


def make_jwk(key: KeyRecord) -> dict[str, str]:
    """The public half for verifiers, with its id, its one algorithm and its use.

    Raises:
        ValueError: the key is a secret, or its public half is not of its algorithm.
    """
    return {**_read_public(key), "kid": key.key_id, "alg": key.algorithm.value, "use": "sig"}


def make_thumbprint(key: KeyRecord) -> str:
    """RFC 7638 with SHA-256: names the public half for ever."""
    members = _read_public(key)
    required = {name: members[name] for name in _REQUIRED[members["kty"]]}
    return _encode(sha256(dump_canonical(required)).digest())


def make_key_set(ring: Ring, schedule: KeySchedule) -> dict[str, Any]:
    """The keys whose signatures may be believed, each until caches have let go of it."""
    listed = [key for key in ring.keys if _is_listed(key, ring.now, schedule)]
    events = [key for key in listed if key.purpose.startswith(BLIND_PREFIX)]
    newest = sorted(events, key=lambda key: (key.created_at, key.key_id))[-schedule.blind_listed :]
    return {"keys": [make_jwk(key) for key in listed if key not in events or key in newest]}


def make_schedule(ring: Ring, schedule: KeySchedule, *, issuer: str) -> dict[str, Any]:
    """What stands, what comes and what has been. Two equal ones need one signature."""
    shown = [key for key in ring.keys if key.public_key is not None]
    current: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    revoked: list[dict[str, Any]] = []
    for key in shown:
        state = key.state_at(ring.now)
        place = {KeyState.RETIRED: history, KeyState.COMPROMISED: revoked}.get(state, current)
        place.append(_describe(key, ring, schedule))
    return {
        "iss": issuer,
        "publish_ahead": _seconds(schedule.publish_ahead),
        "rotate_every": _seconds(schedule.rotate_every),
        "verify_for": _seconds(schedule.verify_for),
        "leeway": _seconds(schedule.leeway),
        "max_age": _seconds(schedule.max_age),
        "rotating": sorted(schedule.rotating),
        "keys": current,
        "history": history,
        "revoked_keys": revoked,
    }


def stamp_schedule(document: Mapping[str, Any], now: datetime, schedule: KeySchedule) -> dict[str, Any]:
    """The schedule with the moment of its signing, and of its end."""
    issued_at = int(now.timestamp())
    return {**document, "iat": issued_at, "exp": issued_at + _seconds(schedule.document_lasts)}


def make_signing_input(key: KeyRecord, document: Mapping[str, Any]) -> bytes:
    """What *key* signs of a stamped schedule (RFC 7515, 5.1)."""
    header = {"alg": key.algorithm.value, "kid": key.key_id, "typ": SCHEDULE_TYPE}
    return f"{_encode(dump_canonical(header))}.{_encode(dump_canonical(document))}".encode()


def join_signature(signing_input: bytes, signature: bytes) -> bytes:
    """The signed document: flattened JWS JSON (RFC 7515, 7.2.2)."""
    protected, _, payload = signing_input.decode().partition(".")
    return dump_canonical({"payload": payload, "protected": protected, "signature": _encode(signature)})


def dump_canonical(document: Mapping[str, Any]) -> bytes:
    """One spelling: sorted members, no space."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _describe(key: KeyRecord, ring: Ring, schedule: KeySchedule) -> dict[str, Any]:
    active_at, rotate_at = key.active_at, None
    if active_at is not None and key.replaced_at is None and key.purpose in schedule.rotating:
        rotate_at = active_at + schedule.rotate_every
    if active_at is None and key.purpose in schedule.rotating:
        # Not yet, but when: not before its elder's turn, nor before verifiers know it.
        elder = ring.find_active(key.purpose)
        known_at = key.created_at + schedule.publish_ahead
        if elder is not None and elder.active_at is not None:
            active_at = max(known_at, elder.active_at + schedule.rotate_every)
    until = key.verify_until
    events = {
        "created": key.created_event_id,
        "activated": key.activated_event_id,
        "compromised": key.compromised_event_id,
    }
    return {
        "kid": key.key_id,
        "purpose": _name_purpose(key),
        "algorithm": key.algorithm.value,
        "state": key.state_at(ring.now).value,
        "thumbprint": make_thumbprint(key),
        "publish_at": _moment(key.created_at),
        "active_at": _moment(active_at),
        "rotate_at": _moment(rotate_at),
        "replaced_at": _moment(key.replaced_at),
        "verify_until": _moment(until),
        "retire_at": _moment(None if until is None else until + schedule.max_age),
        "compromised_at": _moment(key.compromised_at),
        "events": {name: event_id for name, event_id in events.items() if event_id is not None},
    }


def _name_purpose(key: KeyRecord) -> str:
    # Not which event: its id shows anybody its name and its tenant's, and the schedule is everybody's.
    return BLIND_PREFIX.removesuffix(":") if key.purpose.startswith(BLIND_PREFIX) else key.purpose


def _is_listed(key: KeyRecord, now: datetime, schedule: KeySchedule) -> bool:
    if key.public_key is None:
        return False
    if key.is_published(now):
        return True
    # Caches are as old as max_age: what was good when they looked is not withdrawn under their feet.
    until = key.verify_until
    return key.compromised_at is None and until is not None and now < until + schedule.max_age


def _read_public(key: KeyRecord) -> dict[str, str]:
    der = key.public_key or b""
    if key.algorithm is Algorithm.ED25519 and der.startswith(_ED25519):
        point = der[len(_ED25519) :]
        if len(point) == _COORDINATE:
            return {"kty": "OKP", "crv": "Ed25519", "x": _encode(point)}
    if key.algorithm is Algorithm.ES256 and der.startswith(_P256):
        point = der[len(_P256) :]
        if len(point) == 2 * _COORDINATE:
            x, y = point[:_COORDINATE], point[_COORDINATE:]
            return {"kty": "EC", "crv": "P-256", "x": _encode(x), "y": _encode(y)}
    if key.algorithm is Algorithm.RSABSSA:
        modulus, exponent = _read_rsa(der)
        return {"kty": "RSA", "n": _encode(modulus), "e": _encode(exponent)}
    raise ValueError(f"key {key.key_id} has no public half of its algorithm")


def _read_rsa(der: bytes) -> tuple[bytes, bytes]:
    """Modulus and exponent of a SubjectPublicKeyInfo, whatever it says that the key is for."""
    outer, _ = _read_element(der, 0x30)
    _, rest = _read_element(outer, 0x30)
    bits, _ = _read_element(rest, 0x03)
    numbers, _ = _read_element(bits[1:], 0x30)
    modulus, rest = _read_element(numbers, 0x02)
    exponent, _ = _read_element(rest, 0x02)
    return modulus.lstrip(b"\0"), exponent.lstrip(b"\0")


def _read_element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first DER element, and what follows it."""
    if len(der) < 2 or der[0] != tag:
        raise ValueError("not the DER that was expected")
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    if len(der) < start + length:
        raise ValueError("DER that was cut off")
    return der[start : start + length], der[start + length :]


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
