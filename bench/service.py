# SPDX-License-Identifier: Apache-2.0
"""One ``vestibule serve`` process under load, and a host that signs assertions for it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ISSUER = "https://host.bench.example"
_KEY = Ed25519PrivateKey.generate()
_AUDIENCE = "http://127.0.0.1"
_TICKS = os.sysconf("SC_CLK_TCK")
_WIDE = "100000000/60"
_LIMITS = (
    "CLAIM_PER_TOKEN", "CLAIM_PER_PRINCIPAL", "CLAIM_PER_IP", "CLAIM_GLOBAL", "PREVIEW_PER_IP", "PREVIEW_GLOBAL",
    "ISSUE_PER_INVITER", "ISSUE_PER_TENANT", "ISSUE_PER_RECIPIENT", "ALLOWANCE_PER_TENANT", "ALLOWANCE_PER_INVITER",
)  # fmt: skip

Signer = Callable[[str, str], str]


def make_signer() -> Signer:
    """Host assertions: (principal id, verified address) -> JWS."""
    head = _encode({"alg": "Ed25519", "kid": "bench", "typ": "vestibule-id+jwt"})

    def sign(principal_id: str, email: str) -> str:
        now = int(time.time())  # allow: clock because the bench plays the host, whose clock is its own
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "iat": now,
            "exp": now + 300,
            "sub": principal_id,
            "emails": [{"email": email, "verified": True}],
        }
        signed = f"{head}.{_encode(claims)}"
        return f"{signed}.{_segment(_KEY.sign(signed.encode()))}"

    return sign


class Service:
    """The serving process; started on a fresh port, migrated first."""

    def __init__(self, database_url: str, _sign: Signer, settings: Mapping[str, str] | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="vestibule-bench-"))
        public = _segment(_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        jwks = self._folder / "jwks.json"
        jwks.write_text(json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "bench", "x": public}]}))
        self.port = _free_port()
        # Bytecode is cached, as on any machine where the package is installed and not just written.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {
            **kept,
            "VESTIBULE_DATABASE_URL": database_url,
            "VESTIBULE_PUBLIC_URL": _AUDIENCE,
            "VESTIBULE_ASSERTION_JWKS": str(jwks),
            "VESTIBULE_ASSERTION_ISSUER": _ISSUER,
            "VESTIBULE_TRUSTED_PROXIES": "127.0.0.1",
            "VESTIBULE_REFUSAL_FLOOR_MS": "0",
            "VESTIBULE_LOG_LEVEL": "WARNING",
            **{f"VESTIBULE_LIMIT_{name}": _WIDE for name in _LIMITS},
            **(settings or {}),
        }
        subprocess.run(
            [sys.executable, "-m", "vestibule", "migrate"], env=environment, check=True, capture_output=True
        )
        command = [sys.executable, "-m", "vestibule", "serve", "--port", str(self.port)]
        self._process = subprocess.Popen(command, env=environment)
        self._wait()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)
        shutil.rmtree(self._folder)

    def cpu_seconds(self) -> float:
        """User and system time of the process so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self) -> float:
        """Resident memory of the process."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return round(int(line.split()[1]) / 1024, 1)
        return 0.0

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("serve did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _encode(document: dict[str, object]) -> str:
    return _segment(json.dumps(document, separators=(",", ":")).encode())


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
