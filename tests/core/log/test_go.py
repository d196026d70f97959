# SPDX-License-Identifier: Apache-2.0
"""Go's own code (``golang.org/x/mod/sumdb``, as its toolchain carries it) reads what we write."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vestibule.core.log.checkpoint import Checkpoint
from vestibule.core.log.leaf import TenantHead
from vestibule.core.log.note import Note, NoteKey, SignatureType, cosign_text, note_key, sign_text
from vestibule.core.log.tree import leaf_hash, prove_consistency, prove_inclusion, root_of

GO = shutil.which("go")
ORIGIN = "invite.example.com/vestibule"
LEAVES = [TenantHead(f"{n:064x}", n + 1, bytes([n]) * 32).encode() for n in range(23)]
VECTORS = Path(__file__).parents[2] / "vectors/log"

pytestmark = [
    pytest.mark.covers("AUD-03"),
    pytest.mark.skipif(
        GO is None, reason="Go is not installed: its second reading of our formats is not run"
    ),
]
Reader = Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """The program in tests/go, built with the copy of sumdb that the toolchain carries."""
    assert GO is not None
    folder = tmp_path_factory.mktemp("go")
    home = {
        "HOME": str(folder),
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(folder / "path"),
        "GOFLAGS": "-mod=mod",
    }
    surroundings = os.environ | home | {"GOPROXY": "off", "GOTOOLCHAIN": "local"}
    root = subprocess.run([GO, "env", "GOROOT"], check=True, capture_output=True, text=True, env=surroundings)
    sumdb = Path(root.stdout.strip()) / "src/cmd/vendor/golang.org/x/mod/sumdb"
    for name in ("note", "tlog"):
        shutil.copytree(sumdb / name, folder / "check" / name)
    # Older copies name a package that is the standard library's by another name.
    source = folder / "check/note/note.go"
    source.write_text(source.read_text().replace('"golang.org/x/crypto/ed25519"', '"crypto/ed25519"'))
    shutil.copy(Path(__file__).parents[2] / "go/main.go", folder / "check/main.go")
    (folder / "check/go.mod").write_text("module vestibule.test/check\n\ngo 1.18\n")
    subprocess.run([GO, "build", "-o", "../reader", "."], check=True, cwd=folder / "check", env=surroundings)
    return lambda document: subprocess.run(
        [str(folder / "reader")], input=json.dumps(document), capture_output=True, text=True, check=False
    )


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def document() -> dict[str, Any]:
    private, witness = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    key = note_key(ORIGIN, private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    watching = NoteKey("w.example", SignatureType.COSIGNATURE, witness.public_key().public_bytes_raw())
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    body = str(Checkpoint(ORIGIN, len(hashes), root_of(hashes)))
    lines = (sign_text(body, key, private.sign), cosign_text(body, watching, 1_760_000_000, witness.sign))
    return {
        "vkey": str(key),
        "checkpoint": str(Note(body, lines)),
        "inclusions": [
            {"index": index, "leaf": text(leaf), "path": [text(h) for h in prove_inclusion(index, hashes)]}
            for index, leaf in enumerate(LEAVES)
        ],
        "consistency": [
            {
                "old": old,
                "root": text(root_of(hashes[:old])),
                "path": [text(h) for h in prove_consistency(old, hashes)],
            }
            for old in range(1, len(hashes) + 1)
        ],
    }


def test_go_verifies_our_checkpoint_and_every_proof(read: Reader) -> None:
    done = read(document())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"signatures": 1, "unknown": 1, "size": len(LEAVES)}


def test_go_reads_the_golden_checkpoint(read: Reader) -> None:
    keys = json.loads((VECTORS / "keys.json").read_text())
    heads = json.loads((VECTORS / "global.json").read_text())
    leaves = [leaf.encode() for leaf in [*heads["heads"], heads["manifest"]]]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    done = read(
        {
            "vkey": keys["log"],
            "checkpoint": (VECTORS / "checkpoint.txt").read_text(encoding="utf-8"),
            "inclusions": [
                {
                    "index": index,
                    "leaf": text(leaf),
                    "path": [text(h) for h in prove_inclusion(index, hashes)],
                }
                for index, leaf in enumerate(leaves)
            ],
        }
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["size"] == 4


@pytest.mark.parametrize("part", ["checkpoint", "leaf", "path", "old root"])
def test_go_refuses_what_was_changed(read: Reader, part: str) -> None:
    changed = document()
    if part == "checkpoint":
        changed["checkpoint"] = changed["checkpoint"].replace("\n23\n", "\n24\n")
    elif part == "leaf":
        changed["inclusions"][5]["leaf"] = text(b"another")
    elif part == "path":
        changed["inclusions"][5]["path"][0] = text(bytes(32))
    else:
        changed["consistency"][6]["root"] = text(bytes(32))
    assert read(changed).returncode == 1
