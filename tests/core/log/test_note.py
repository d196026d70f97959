# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vestibule.core.log.checkpoint import Checkpoint, origin_of, parse_checkpoint
from vestibule.core.log.note import (
    Note,
    NoteKey,
    SignatureType,
    cosign_text,
    cosigned_at,
    note_key,
    parse_note,
    parse_vkey,
    sign_text,
    signed_by,
)
from vestibule.core.log.proof import parse_proof
from vestibule.core.log.receipt import parse_receipt
from vestibule.core.log.tree import is_included, leaf_hash
from vestibule.errors import InvalidRequestError

VECTORS = Path(__file__).parents[2] / "vectors/log"
KEYS = {name: parse_vkey(text) for name, text in json.loads((VECTORS / "keys.json").read_text()).items()}
GO_KEY = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")


def read(name: str) -> str:
    return (VECTORS / name).read_text(encoding="utf-8")


def verify(key: NoteKey, message: bytes, signature: bytes) -> bool:
    try:
        if key.type is SignatureType.ECDSA:
            public = serialization.load_der_public_key(key.public_key)
            assert isinstance(public, ec.EllipticCurvePublicKey)
            public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        else:
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@pytest.mark.covers("AUD-03")
def test_the_note_in_go_s_documentation_is_read_and_its_signature_holds() -> None:
    note = parse_note(read("note-go.txt"))
    assert list(signed_by(note, [GO_KEY], verify)) == [GO_KEY]
    assert str(note) == read("note-go.txt")
    changed = Note(note.text.replace("problem", "question"), note.signatures)
    with pytest.raises(InvalidRequestError, match="PeterNeumann"):
        signed_by(changed, [GO_KEY], verify)


@pytest.mark.covers("AUD-03")
@pytest.mark.parametrize(
    "name,signers", [("checkpoint", ["log", "witness"]), ("checkpoint-p256", ["log_p256"])]
)
def test_the_golden_checkpoints_are_read_and_signed_by_whom_they_say(name: str, signers: list[str]) -> None:
    text = read(f"{name}.txt")
    note = parse_note(text)
    found = signed_by(note, [KEYS[signer] for signer in signers], verify)
    assert set(found) == {KEYS[signer] for signer in signers}
    assert str(Note(str(parse_checkpoint(note.text)), note.signatures)) == text
    if "witness" in signers:
        assert cosigned_at(found[KEYS["witness"]]) == 1_760_000_060


def test_what_unknown_keys_signed_says_nothing() -> None:
    note = parse_note(read("checkpoint.txt"))
    stranger = note_key("invite.example.com/vestibule", spki_of(Ed25519PrivateKey.generate()))
    assert signed_by(note, [stranger], verify) == {}


def test_what_is_signed_and_cosigned_here_verifies_and_its_time_is_signed() -> None:
    log, witness = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    key = note_key("log.example", spki_of(log))
    watching = NoteKey("w.example", SignatureType.COSIGNATURE, witness.public_key().public_bytes_raw())
    text = str(Checkpoint("log.example", 1, bytes(32)))
    cosignature = cosign_text(text, watching, 1_700_000_000, witness.sign)
    note = parse_note(str(Note(text, (sign_text(text, key, log.sign), cosignature))))
    assert set(signed_by(note, [key, watching], verify)) == {key, watching}
    later = (1_700_000_001).to_bytes(8, "big") + cosignature.data[8:]
    moved = Note(text, (type(cosignature)(cosignature.name, cosignature.key_id, later),))
    with pytest.raises(InvalidRequestError, match=r"w\.example"):
        signed_by(moved, [watching], verify)
    assert parse_vkey(str(watching)) == watching
    assert parse_vkey(str(key)) == key
    assert key.spki == spki_of(log)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\nname c2ln\n",
        "text\n\n\N{EM DASH} name AAAA\n",
        "text\n\n\N{EM DASH} na+me AAAAAAAA\n",
        "text\n\n\N{EM DASH}  AAAAAAAA\n",
        "text\n\n\N{EM DASH} name AAAAAAA\n",
        "text\n\n\N{EM DASH} name AAAAAAB=\n",
        "text\n\n\N{EM DASH} name AAAAAAAA",
        "te\txt\n\n\N{EM DASH} name AAAAAAAA\n",
        "text\r\n\n\N{EM DASH} name AAAAAAAA\n",
        "text\n\n" + "\N{EM DASH} name AAAAAAAA\n" * 33,
    ],
)
def test_a_malformed_note_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_note(text)
    assert parse_note("text\n\n\N{EM DASH} name AAAAAAAA\n").text == "text\n"


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "\n1\n" + "A" * 43 + "=\n",
        "o\n01\n" + "A" * 43 + "=\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n\u0661\n" + "A" * 43 + "=\n",
        "o\n9223372036854775808\n" + "A" * 43 + "=\n",
        "o\n1\nAAAA\n",
        "o\n1\n" + "A" * 43 + "=\nextension\n",
        "o\n1\n" + "A" * 42 + "B=\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_checkpoint(text)
    assert parse_checkpoint("o\n1\n" + "A" * 43 + "=\n").size == 1


@pytest.mark.parametrize(
    "text", ["", "name", "name+00000000+AQ==", "n+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
)
def test_a_vkey_that_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_vkey(text)


@pytest.mark.covers("AUD-03")
def test_the_golden_proof_is_read_and_shows_its_leaf() -> None:
    text = read("proof.txt")
    proof = parse_proof(text)
    assert str(proof) == text
    assert proof.extra == b'{"v":1}'
    checkpoint = parse_checkpoint(parse_note(proof.checkpoint).text)
    leaf = json.loads(read("global.json"))["heads"][1].encode()
    assert is_included(proof.index, checkpoint.size, leaf_hash(leaf), proof.path, checkpoint.root)


@pytest.mark.parametrize(
    "old,new",
    [("tlog-proof@v1", "tlog-proof@v2"), ("index 1", "index 01"), ("index 1\n", ""), ("extra ", "extra !")],
)
def test_a_malformed_proof_is_refused(old: str, new: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_proof(read("proof.txt").replace(old, new, 1))


@pytest.mark.covers("AUD-03")
def test_the_golden_receipt_is_read_and_signed() -> None:
    note = parse_note(read("receipt.txt"))
    receipt = parse_receipt(note.text)
    assert str(receipt) == note.text
    event = json.loads(read("events.json"))[0]
    assert (receipt.event_id, receipt.leaf_hash.hex()) == (event["event_id"], event["leaf_hash"])
    assert receipt.promised_by - receipt.at == 60_000
    assert list(signed_by(note, [KEYS["receipt"]], verify)) == [KEYS["receipt"]]


@pytest.mark.parametrize(
    "old,new", [("/v1", "/v2"), ("event ", "events "), ("at 1", "at 01"), ("sealed by", "by")]
)
def test_a_malformed_receipt_is_refused(old: str, new: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_receipt(parse_note(read("receipt.txt")).text.replace(old, new, 1))


def test_the_origin_is_the_public_host() -> None:
    assert origin_of("https://invite.example.com") == "invite.example.com/vestibule"
    assert origin_of("http://localhost:8080/") == "localhost:8080/vestibule"


def spki_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
