# SPDX-License-Identifier: Apache-2.0
"""An OpenID provider that says whatever a test wants it to, over real HTTP on the loopback."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import warnings
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey | OctKey
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
with warnings.catch_warnings(action="ignore"):
    SMALL = RSAKey.generate_key(1024, {"kid": "small", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed", "use": "sig"})
CLIENT = "client"
NONCE = "the nonce"
ACCESS = "access token"


class Liar:
    """Truthful until a test changes something."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self.keys: list[Key] = [RSA, EC, ED]
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.signer: Key = RSA
        self.token: object = None
        self.token_status = 200
        self.userinfo: dict[str, Any] = {}
        self.raw: dict[str, bytes] = {}
        self.delay = 0.0
        self.asked: list[str] = []
        self.posted: list[dict[str, str]] = []
        self.authorization: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def make_token(self) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "42",
            "iat": now,
            "exp": now + 300,
            "nonce": NONCE,
            "email": "v@acme.com",
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not ...}
        head: dict[str, Any] = {"alg": _ALGORITHMS[type(self.signer)], "kid": self.signer.kid, **self.header}
        head = {name: value for name, value in head.items() if value is not ...}
        return jws.serialize_compact(head, json.dumps(claims), self.signer, algorithms=[head["alg"]])

    def answer(self, path: str) -> tuple[int, bytes]:
        if path in self.raw:
            return 200, self.raw[path]
        if path == "/.well-known/openid-configuration":
            document = {
                "issuer": self.url,
                "authorization_endpoint": self.url + "/auth?tenant=1",
                "token_endpoint": self.url + "/token",
                "jwks_uri": self.url + "/jwks",
                "userinfo_endpoint": self.url + "/me",
                **self.document,
            }
            return 200, json.dumps({k: v for k, v in document.items() if v is not ...}).encode()
        if path == "/jwks":
            return 200, json.dumps(KeySet(self.keys).as_dict(private=False)).encode()
        if path == "/token":
            token = self.make_token() if self.token is None else self.token
            return self.token_status, json.dumps({"access_token": ACCESS, "id_token": token}).encode()
        return 200, json.dumps(self.userinfo).encode()

    def _handler(liar) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                liar.asked.append(self.path)
                liar.authorization.append(self.headers["authorization"])
                time.sleep(liar.delay)
                status, body = liar.answer(self.path)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", liar.url + "/elsewhere")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                fields = parse_qs(self.rfile.read(length).decode())
                liar.posted.append({name: values[0] for name, values in fields.items()})
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


_ALGORITHMS: dict[type[Any], str] = {RSAKey: "RS256", ECKey: "ES256", OKPKey: "Ed25519", OctKey: "HS256"}


def half_hash(text: str, name: str = "sha256") -> str:
    full = hashlib.new(name, text.encode()).digest()
    return urlsafe_b64encode(full[: len(full) // 2]).decode().rstrip("=")
