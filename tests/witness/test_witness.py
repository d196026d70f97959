# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vestibule.auditing.signatures import verify_signature
from vestibule.core.log.checkpoint import Checkpoint
from vestibule.core.log.note import Note, encode, note_key, parse_signatures, sign_text, signed_by
from vestibule.core.log.tree import leaf_hash, prove_consistency, root_of
from vestibule.core.log.trust import TrustPolicy
from vestibule.errors import ConfigurationError, InvalidRequestError
from vestibule.witness.folder import create_folder, open_witness
from vestibule.witness.server import BODY_MAX, WitnessServer
from vestibule.witness.witness import SIZE_TYPE, Witness

ORIGIN = "log.example/vestibule"
LEAVES = [leaf_hash(b"%d" % number) for number in range(64)]
OTHERS = [leaf_hash(b"other %d" % number) for number in range(64)]

pytestmark = pytest.mark.covers("AUD-03")


@dataclass(frozen=True)
class Log:
    """A log that says what the test wants."""

    private: Ed25519PrivateKey

    @property
    def trust(self) -> TrustPolicy:
        spki = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return TrustPolicy(logs=(note_key(ORIGIN, spki),))

    def text(self, size: int, leaves: list[bytes] = LEAVES, origin: str = ORIGIN) -> str:
        return str(Checkpoint(origin, size, root_of(leaves[:size])))

    def body(
        self, old: int, size: int, leaves: list[bytes] = LEAVES, *, path: tuple[bytes, ...] | None = None
    ) -> bytes:
        text = self.text(size, leaves)
        proof = (prove_consistency(old, leaves[:size]) if old <= size else ()) if path is None else path
        lines = "".join(f"{encode(found)}\n" for found in proof)
        note = Note(text, (sign_text(text, self.trust.logs[0], self.private.sign),))
        return f"old {old}\n{lines}\n{note}".encode()


@pytest.fixture
def log() -> Log:
    return Log(Ed25519PrivateKey.generate())


@pytest.fixture
def witness(log: Log, tmp_path: Path) -> Witness:
    create_folder(tmp_path / "w", "witness.example/w1")
    return open_witness(tmp_path / "w", log.trust)


def remembered(witness: Witness) -> int:
    with witness.memory.hold(ORIGIN) as held:
        return held.recall().size


def test_a_log_that_grows_is_cosigned_each_time(witness: Witness, log: Log) -> None:
    for old, size in ((0, 3), (3, 8), (8, 8), (8, 21)):
        verdict = witness.add_checkpoint(log.body(old, size))
        assert verdict.status == HTTPStatus.OK
        note = Note(log.text(size), parse_signatures(verdict.body))
        assert list(signed_by(note, [witness.key], verify_signature)) == [witness.key]
        assert remembered(witness) == size


def test_a_size_that_is_not_the_remembered_one_conflicts_and_is_told(witness: Witness, log: Log) -> None:
    assert witness.add_checkpoint(log.body(0, 8)).status == HTTPStatus.OK
    for body in (log.body(0, 21), log.body(3, 21), log.body(9, 21), log.body(3, 5)):
        verdict = witness.add_checkpoint(body)
        assert (verdict.status, verdict.body, verdict.content_type) == (HTTPStatus.CONFLICT, "8\n", SIZE_TYPE)
    same_size = log.body(8, 8, OTHERS)
    assert witness.add_checkpoint(same_size).status == HTTPStatus.CONFLICT
    assert remembered(witness) == 8


def test_K08_a_rewritten_log_is_refused_though_its_own_key_signs_it(witness: Witness, log: Log) -> None:
    assert witness.add_checkpoint(log.body(0, 8)).status == HTTPStatus.OK
    for body in (log.body(8, 21, OTHERS), log.body(8, 21, path=()), log.body(8, 21, path=(LEAVES[0],))):
        assert witness.add_checkpoint(body).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert witness.add_checkpoint(log.body(9, 8)).status == HTTPStatus.BAD_REQUEST
    assert remembered(witness) == 8
    assert witness.add_checkpoint(log.body(8, 21)).status == HTTPStatus.OK


def test_unknown_logs_and_unsigned_checkpoints_are_turned_away(witness: Witness, log: Log) -> None:
    stranger = Log(Ed25519PrivateKey.generate())
    assert witness.add_checkpoint(stranger.body(0, 3)).status == HTTPStatus.FORBIDDEN
    body = log.body(0, 3)
    forged = body.replace(root_line(3), root_line(4))
    assert forged != body
    assert witness.add_checkpoint(forged).status == HTTPStatus.FORBIDDEN
    elsewhere = body.replace(ORIGIN.encode(), b"other.example")
    assert witness.add_checkpoint(elsewhere).status == HTTPStatus.NOT_FOUND
    assert remembered(witness) == 0
    assert witness.add_checkpoint(body).status == HTTPStatus.OK


def root_line(size: int) -> bytes:
    return encode(root_of(LEAVES[:size])).encode()


@pytest.mark.parametrize(
    "change",
    [
        (b"old 0", b"old 00"),
        (b"old 0", b"old -1"),
        (b"old 0", b"size 0"),
        (b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n" * 64),
        (b"old 0\n", b"old 0\nAAAA\n"),
        (b"\n\n", b"\n"),
        (b"old", b"\xff"),
    ],
)
def test_a_malformed_submission_is_a_bad_request(
    witness: Witness, log: Log, change: tuple[bytes, bytes]
) -> None:
    body = log.body(0, 3)
    assert witness.add_checkpoint(body.replace(*change)).status == HTTPStatus.BAD_REQUEST
    assert witness.add_checkpoint(body).status == HTTPStatus.OK


def test_two_submissions_at_once_never_roll_back(witness: Witness, log: Log, rounds: int) -> None:
    size, wins = 0, 0
    for step in range(max(5, rounds // 10)):
        nearer, farther = size + 1, size + 2
        bodies = [log.body(size, nearer), log.body(size, farther)] * 2
        start = threading.Barrier(len(bodies))
        found: list[HTTPStatus] = []

        def submit(body: bytes, start: threading.Barrier = start, found: list[HTTPStatus] = found) -> None:
            start.wait()
            found.append(witness.add_checkpoint(body).status)

        threads = [threading.Thread(target=submit, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # One wins; everybody else finds another size than the one it started from.
        assert sorted(found) == [HTTPStatus.OK, *[HTTPStatus.CONFLICT] * 3], step
        assert remembered(witness) in (nearer, farther)
        wins += 1
        size = remembered(witness)
    assert wins >= 5


def test_what_was_vouched_for_outlives_the_process(witness: Witness, log: Log, tmp_path: Path) -> None:
    assert witness.add_checkpoint(log.body(0, 8)).status == HTTPStatus.OK
    again = open_witness(tmp_path / "w", log.trust)
    assert again.key == witness.key
    assert again.add_checkpoint(log.body(0, 3)).status == HTTPStatus.CONFLICT


def test_a_cosignature_that_fails_leaves_no_lie_behind(witness: Witness, log: Log) -> None:
    def fail(_: bytes) -> bytes:
        raise OSError("the key is out of reach")

    with pytest.raises(OSError, match="out of reach"):
        replace(witness, sign=fail).add_checkpoint(log.body(0, 8))
    # It remembers a head that it has not signed: the log asks again from there, and nothing is rolled back.
    assert remembered(witness) == 8
    assert witness.add_checkpoint(log.body(8, 8)).status == HTTPStatus.OK


def test_a_witness_is_made_once_with_a_key_for_its_owner_only(log: Log, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with pytest.raises(ConfigurationError, match="no witness"):
        open_witness(folder, log.trust)
    with pytest.raises(InvalidRequestError):
        create_folder(folder, "a name with spaces")
    create_folder(folder, "w")
    with pytest.raises(ConfigurationError, match="already"):
        create_folder(folder, "w")
    assert (folder / "witness.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="names no log"):
        open_witness(folder, TrustPolicy())
    (folder / "witness.pem").chmod(0o644)
    with pytest.raises(ConfigurationError, match="others can read"):
        open_witness(folder, log.trust)


@pytest.fixture
def connection(witness: Witness) -> Iterator[http.client.HTTPConnection]:
    server = WitnessServer(("127.0.0.1", 0), witness)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    host, port = server.server_address[:2]
    connection = http.client.HTTPConnection(str(host), int(port), timeout=10)
    yield connection
    connection.close()
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.covers("K09")
def test_K09_the_protocol_over_http_with_bounded_bodies(
    connection: http.client.HTTPConnection, log: Log
) -> None:
    def ask(path: str, body: bytes | None, **headers: str) -> tuple[int, str, bytes]:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()

    status, _, body = ask("/add-checkpoint", log.body(0, 8))
    assert (status, body[:5]) == (200, "\N{EM DASH} w".encode())
    assert ask("/add-checkpoint", log.body(0, 9)) == (409, SIZE_TYPE, b"8\n")
    connection.close()
    assert ask("/anything", b"")[0] == 404
    connection.close()
    assert ask("/add-checkpoint", b"x" * (BODY_MAX + 1))[0] == 413
    connection.close()
    assert ask("/add-checkpoint", None, **{"Content-Length": "9" * 20})[0] == 413
