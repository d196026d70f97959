# SPDX-License-Identifier: Apache-2.0
"""A small AWS KMS over real HTTP: it has key states, which moto has not, and it can be slow, dead or lying.

It sits the same exam as moto (test_contract.py).
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Document = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - an answer of the service
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Key:
    private: ec.EllipticCurvePrivateKey | AESGCM
    tags: dict[str, str]
    state: str = "Enabled"
    unknown_for: int = 0


@dataclass
class FakeKms:
    """Truthful until a test changes something."""

    keys: dict[str, Key] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unknown_for: int = 0
    lie: Callable[[str, Document], Document] | None = None
    raw: tuple[int, bytes] | None = None
    stalls: bool = False
    dribbles: bool = False

    def __post_init__(self) -> None:
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def reset(self) -> None:
        """As it was made, and whoever still waits for an answer gets it."""
        self.released.set()
        self.released = threading.Event()
        self.keys, self.asked = {}, []
        self.unknown_for, self.lie, self.raw = 0, None, None
        self.stalls = self.dribbles = False

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, operation: str, asked: Document) -> Document:
        made: Document = _OPERATIONS[operation](self, asked)
        return self.lie(operation, made) if self.lie is not None else made

    def create(self, asked: Document) -> Document:
        number = f"key-{len(self.keys) + 1}"
        is_signing = asked["KeySpec"] == "ECC_NIST_P256"
        private = ec.generate_private_key(ec.SECP256R1()) if is_signing else AESGCM(secrets.token_bytes(32))
        tags = {tag["TagKey"]: tag["TagValue"] for tag in asked["Tags"]}
        self.keys[number] = Key(private, tags, unknown_for=self.unknown_for)
        return {"KeyMetadata": {"KeyId": number}}

    def get_public_key(self, asked: Document) -> Document:
        private = self._signing(asked)
        der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {"KeyId": asked["KeyId"], "PublicKey": _encode(der)}

    def sign(self, asked: Document) -> Document:
        private, data = self._signing(asked), base64.b64decode(asked["Message"])
        is_digest = asked["MessageType"] == "DIGEST"
        if (
            asked["SigningAlgorithm"] != "ECDSA_SHA_256"
            or len(data) > 4096
            or (is_digest and len(data) != 32)
        ):
            raise Refusal("ValidationException")
        der = private.sign(data, ec.ECDSA(Prehashed(SHA256()) if is_digest else SHA256()))
        return {"KeyId": asked["KeyId"], "Signature": _encode(der)}

    def generate_data_key(self, asked: Document) -> Document:
        cipher, nonce = self._wrapping(asked), secrets.token_bytes(12)
        sealed = nonce + cipher.encrypt(nonce, secrets.token_bytes(32), _context(asked))
        return {"KeyId": asked["KeyId"], "CiphertextBlob": _encode(sealed)}

    def decrypt(self, asked: Document) -> Document:
        cipher, sealed = self._wrapping(asked), base64.b64decode(asked["CiphertextBlob"])
        try:
            plain = cipher.decrypt(sealed[:12], sealed[12:], _context(asked))
        except InvalidTag:
            raise Refusal("InvalidCiphertextException") from None
        return {"KeyId": asked["KeyId"], "Plaintext": _encode(plain)}

    def disable(self, asked: Document) -> Document:
        self._find(asked, usable=False).state = "Disabled"
        return {}

    def schedule_deletion(self, asked: Document) -> Document:
        self._find(asked, usable=False).state = "PendingDeletion"
        return {"KeyId": asked["KeyId"]}

    def generate_random(self, asked: Document) -> Document:
        return {"Plaintext": _encode(secrets.token_bytes(asked["NumberOfBytes"]))}

    def _signing(self, asked: Document) -> ec.EllipticCurvePrivateKey:
        private = self._find(asked).private
        if isinstance(private, AESGCM):
            raise Refusal("InvalidKeyUsageException")
        return private

    def _wrapping(self, asked: Document) -> AESGCM:
        private = self._find(asked).private
        if not isinstance(private, AESGCM):
            raise Refusal("InvalidKeyUsageException")
        return private

    def _find(self, asked: Document, *, usable: bool = True) -> Key:
        key = self.keys.get(asked["KeyId"])
        if key is None or key.unknown_for > 0:
            if key is not None:
                key.unknown_for -= 1
            raise Refusal("NotFoundException")
        if key.state == "PendingDeletion":
            raise Refusal("KMSInvalidStateException")
        if usable and key.state == "Disabled":
            raise Refusal("DisabledException")
        return key

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        kms = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].removeprefix("TrentService.")
                kms.asked.append(operation)
                if kms.stalls:
                    kms.released.wait(30)
                self._send(*kms.reply(operation, asked))

            def _send(self, status: int, body: bytes) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/x-amz-json-1.1")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    if not kms.dribbles:
                        self.wfile.write(body)
                        return
                    for place in range(len(body)):
                        self.wfile.write(body[place : place + 1])
                        kms.released.wait(0.5)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def reply(self, operation: str, asked: Document) -> tuple[int, bytes]:
        if self.raw is not None:
            return self.raw
        try:
            return 200, json.dumps(self.answer(operation, asked)).encode()
        except Refusal as refusal:
            return 400, json.dumps({"__type": refusal.code, "message": "no"}).encode()


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _context(asked: Document) -> bytes:
    return json.dumps([asked["KeyId"], asked.get("EncryptionContext", {})], sort_keys=True).encode()


_OPERATIONS: dict[str, Callable[[FakeKms, Document], Document]] = {
    "CreateKey": FakeKms.create,
    "Decrypt": FakeKms.decrypt,
    "DisableKey": FakeKms.disable,
    "GenerateDataKeyWithoutPlaintext": FakeKms.generate_data_key,
    "GenerateRandom": FakeKms.generate_random,
    "GetPublicKey": FakeKms.get_public_key,
    "ScheduleKeyDeletion": FakeKms.schedule_deletion,
    "Sign": FakeKms.sign,
}
