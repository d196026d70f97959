# SPDX-License-Identifier: Apache-2.0
"""An auditor's walk: issue, accept, revoke, export, verify; then tamper, export, and verify again.

Everything is done by the real commands, on a SQLite database of its own in a folder that is gone afterwards.
What it prints stands in docs/audit.md; a test compares.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vestibule.cli import main

HOST_KEY = Ed25519PrivateKey.generate()
ISSUER = "https://host.example"
PUBLIC_URL = "https://invite.example.com"


class Walk:
    """One folder, and the commands in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        plain = {name: value for name, value in os.environ.items() if not name.startswith("VESTIBULE_")}
        jwk = {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": "k",
            "x": encode(HOST_KEY.public_key().public_bytes_raw()),
        }
        (folder / "jwks.json").write_text(json.dumps({"keys": [jwk]}))
        os.chdir(folder)
        os.environ.clear()
        os.environ |= plain | {
            "VESTIBULE_DATABASE_URL": f"sqlite:///{folder}/vestibule.db",
            "VESTIBULE_PUBLIC_URL": PUBLIC_URL,
            "VESTIBULE_KEYRING": f"{folder}/keys",
            "VESTIBULE_KEYRING_SECRET": base64.b64encode(os.urandom(32)).decode(),
            "VESTIBULE_ASSERTION_JWKS": f"{folder}/jwks.json",
            "VESTIBULE_ASSERTION_ISSUER": ISSUER,
        }

    def set(self, name: str, value: str) -> None:
        os.environ[f"VESTIBULE_{name}"] = value

    def run(self, *words: str, shown: bool = True, expect: int = 0) -> str:
        """One command, as typed, with what it printed."""
        printed, status = io.StringIO(), 0
        sys.argv = ["vestibule", *words]
        with redirect_stdout(printed), redirect_stderr(printed):
            try:
                main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 0
        out = printed.getvalue()
        if status != expect:
            raise SystemExit(f"{' '.join(words)} ended with {status}: {out}")
        if shown:
            tell(f"$ vestibule {' '.join(words)}\n{out}", end="")
            if expect:
                tell(f"(exit status {expect})")
        return out

    @contextmanager
    def serving(self, *words: str) -> Iterator[str]:
        """A command that listens; its URL."""
        process = subprocess.Popen(  # noqa: S603 - the same
            [sys.executable, "-m", "vestibule", *words, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            text = ""
            for line in process.stdout:
                text += line
                if line.rstrip() == "}":
                    break
            ready = json.loads(text)
            yield f"http://{ready['host']}:{ready['port']}"
        finally:
            process.terminate()
            process.wait(timeout=20)

    def tamper(self, *statements: str) -> None:
        """As whoever administers the database could."""
        connection = sqlite3.connect(self._folder / "vestibule.db")
        with connection:
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                tell(f"sqlite> {statement};")
                connection.execute(statement)
        connection.close()

    def accept(self, url: str, token: str) -> str:
        """Vera accepts, as her application would for her; the receipt she gets."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": PUBLIC_URL, "iat": now, "exp": now + 60, "sub": "vera",
            "emails": [{"email": "vera@example.com", "verified": True}],
        }  # fmt: skip
        head = {"alg": "EdDSA", "typ": "vestibule-id+jwt", "kid": "k"}
        signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
        assertion = f"{signed}.{encode(HOST_KEY.sign(signed.encode()))}"
        request = urllib.request.Request(  # noqa: S310 - our own service, on the loopback
            f"{url}/v1/invitations/{token}/accept",
            method="POST",
            headers={"Authorization": f"Bearer {assertion}", "Host": PUBLIC_URL.partition("://")[2]},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the same
            receipt = base64.b64decode(answer.headers["Vestibule-Receipt"]).decode()
        tell(f"POST /v1/invitations/<token>/accept -> {answer.status}, Vestibule-Receipt:\n{receipt}", end="")
        return receipt


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def tell(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


def say(text: str) -> None:
    tell(f"\n# {text}")


def prepare(walk: Walk, folder: Path) -> None:
    for words in (
        ("migrate",),
        ("keys", "create"),
        ("tenant", "put", "acme", "--name", "Acme"),
        ("member", "put", "acme", "olga", "--role", "owner", "--email", "olga@example.com"),
    ):
        walk.run(*words, shown=False)
    say("The auditor makes a witness, and says whom it believes.")
    vkey = walk.run("witness", "init", "witness", "--name", "auditor.example/witness").strip()
    log = walk.run("audit", "trust").splitlines()[0]
    (folder / "trust.policy").write_text(f"{log}\nwitness auditor {vkey}\nquorum auditor\n")


def live(walk: Walk, folder: Path) -> None:
    say("Olga invites Vera, who accepts and keeps her receipt; another invitation is revoked.")
    invited = walk.run(
        "invite",
        "acme",
        "vera@example.com",
        "--role",
        "member",
        "--as",
        "olga",
        "--link",
        "--json",
        shown=False,
    )
    with walk.serving("serve", "--port", "0") as url:
        receipt = walk.accept(url, find_link(json.loads(invited)).rpartition("/")[2])
    (folder / "receipts").mkdir()
    (folder / "receipts/vera.txt").write_text(receipt)
    late = json.loads(
        walk.run(
            "invite",
            "acme",
            "late@example.com",
            "--role",
            "member",
            "--as",
            "olga",
            "--link",
            "--json",
            shown=False,
        )
    )
    walk.run("invitations", "revoke", "acme", late["invitation_id"], "--as", "olga")


def find_link(document: dict[str, Any]) -> str:
    return str(document["link"])


def publish(walk: Walk, folder: Path, witness: str) -> None:
    known = (folder / "trust.policy").read_text()
    asked = known.replace("\nquorum", f" {witness}\nquorum")
    (folder / "witnesses.policy").write_text(asked)
    walk.set("WITNESSES", str(folder / "witnesses.policy"))
    walk.run("audit", "seal")
    walk.run("audit", "publish")


def verify(walk: Walk, *words: str, expect: int = 0) -> None:
    walk.run("audit", "verify", "export", "acme.tar", "--policy", "trust.policy", *words, expect=expect)


def walk_along() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        walk = Walk(folder)
        prepare(walk, folder)
        live(walk, folder)
        say("Events are sealed, the log's head is signed, and the witness cosigns it.")
        with walk.serving(
            "witness", "serve", "witness", "--policy", "trust.policy", "--bind", "127.0.0.1:0"
        ) as witness:
            publish(walk, folder, witness)
            (folder / "pinned").write_text(walk.run("audit", "checkpoint"))
            say("The export verifies, offline.")
            walk.run("audit", "export", "acme", "--output", "acme.tar")
            verify(walk, "--pin", "pinned", "--receipts", "receipts")
            say("The administrator of the database makes Vera an owner, and the trail say so.")
            walk.tamper(
                "UPDATE vestibule_memberships SET role = 'owner' WHERE principal_id = 'vera'",
                "UPDATE vestibule_invitations SET role = 'owner' WHERE invited_email = 'vera@example.com'",
                "UPDATE vestibule_audit_events SET body = replace(body, 'member', 'owner') "
                "WHERE kind = 'invitation.accepted'",
            )
            walk.run("audit", "export", "acme", "--output", "acme.tar", "--pin", "pinned")
            verify(walk, "--pin", "pinned", "--receipts", "receipts", expect=1)


if __name__ == "__main__":
    walk_along()
