# SPDX-License-Identifier: Apache-2.0
"""AWS Key Management Service: every key of ours is a KMS key of its own, and private halves never leave it.

* Signing keys are P-256 (``ECDSA_SHA_256``; KMS answers DER, and above this line it is raw ``r || s``).
* A secret is a data key under a symmetric KMS key made for it; the reference holds its ciphertext, and the
  encryption context binds it to its key's id, purpose and algorithm.
* Destroying disables at once and schedules the deletion, so what was wrapped is gone with its key.

Calls are made once, without botocore's own retries. Ed25519 and blind RSA are not offered (docs/adr/0013).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import logging
import re
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]

from vestibule.core.keys import Algorithm, KeyRecord
from vestibule.errors import KeyProviderError
from vestibule.keys.breaker import ProviderDownError
from vestibule.keys.signatures import raw_signature
from vestibule.ports import ProvidedKey

# At its DEBUG level botocore logs what it sends and gets, opened secrets included.
logging.getLogger("botocore").setLevel(logging.WARNING)

# KMS takes messages up to this long, and digests of longer ones.
_MESSAGE_MAX = 4096
_DELETE_AFTER_DAYS = 7
# A key that was just made may be unknown for a moment at the next server that is asked.
_SETTLING = (0.2, 0.5, 1.0, 2.0)
_DOWN = frozenset(
    {
        "DependencyTimeoutException",
        "KMSInternalException",
        "KeyUnavailableException",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
    }
)
_PROBE_BYTES = 16
_CODE = re.compile(r"[A-Za-z]{1,64}")


class AwsKmsProvider:
    """Implements ``ports.KeyProvider`` over one region; credentials come as AWS's own tools find them."""

    scheme = "aws-kms"
    signing = Algorithm.ES256
    algorithms = frozenset({Algorithm.ES256, Algorithm.SECRET})

    def __init__(self, region: str, *, endpoint: str | None = None) -> None:
        config = Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 1})
        session = Session()
        client = session.create_client("kms", region_name=region, endpoint_url=endpoint, config=config)
        self._client: Any = client

    def __repr__(self) -> str:
        return "<AwsKmsProvider>"

    def create(self, key_id: str, purpose: str, algorithm: Algorithm) -> ProvidedKey:
        spec = _SPECS.get(algorithm)
        if spec is None:
            raise KeyProviderError(f"AWS KMS can't make {algorithm} keys for Vestibule")
        bound = _bind(key_id, purpose, algorithm)
        tags = [{"TagKey": name, "TagValue": value} for name, value in bound.items()]
        made = self._call("create_key", **spec, Description=f"Vestibule {purpose}", Tags=tags)
        number = _text(made.get("KeyMetadata", {}).get("KeyId"))
        try:
            if algorithm is Algorithm.SECRET:
                wrapped = self._call_new(
                    "generate_data_key_without_plaintext",
                    KeyId=number,
                    KeySpec="AES_256",
                    EncryptionContext=bound,
                )
                blob = base64.b64encode(_bytes(wrapped.get("CiphertextBlob"))).decode()
                return ProvidedKey(reference=f"{number}#{blob}", public_key=None)
            public = self._call_new("get_public_key", KeyId=number)
            return ProvidedKey(reference=number, public_key=_bytes(public.get("PublicKey")))
        except KeyProviderError:
            # Nobody will ever name this one.
            with contextlib.suppress(KeyProviderError):
                self._give_up(number)
            raise

    def sign(self, key: KeyRecord, data: bytes) -> bytes:
        is_long = len(data) > _MESSAGE_MAX
        answer = self._call(
            "sign",
            KeyId=key.reference,
            Message=sha256(data).digest() if is_long else data,
            MessageType="DIGEST" if is_long else "RAW",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        try:
            return raw_signature(_bytes(answer.get("Signature")))
        except ValueError:
            pass
        raise ProviderDownError("AWS KMS answered with no signature", outcome="wrong")

    def open_secret(self, key: KeyRecord) -> bytes:
        number, _, blob = key.reference.partition("#")
        try:
            wrapped = base64.b64decode(blob, validate=True)
        except (binascii.Error, ValueError):
            raise KeyProviderError(f"the reference of key {key.key_id} is damaged") from None
        bound = _bind(key.key_id, key.purpose, key.algorithm)
        answer = self._call("decrypt", KeyId=number, CiphertextBlob=wrapped, EncryptionContext=bound)
        return _bytes(answer.get("Plaintext"))

    def blind_sign(self, key: KeyRecord, blinded: bytes) -> bytes:
        raise KeyProviderError(f"AWS KMS can't sign blindly ({key.key_id}, {len(blinded)} bytes)")

    def destroy(self, key: KeyRecord) -> None:
        self._give_up(key.reference.partition("#")[0])

    def examine(self) -> Sequence[str]:
        try:
            self._call("generate_random", NumberOfBytes=_PROBE_BYTES)
        except KeyProviderError as error:
            return [error.finding]
        return []

    def _give_up(self, number: str) -> None:
        """Of no use from now on, and deleted after a week in which an operator may still object."""
        try:
            self._call("disable_key", KeyId=number)
            self._call("schedule_key_deletion", KeyId=number, PendingWindowInDays=_DELETE_AFTER_DAYS)
        except _RefusedError as error:
            if error.refusal not in ("KMSInvalidStateException", "NotFoundException"):
                raise

    def _call_new(self, operation: str, **members: Any) -> Mapping[str, Any]:
        for pause in _SETTLING:
            try:
                return self._call(operation, **members)
            except _RefusedError as error:
                if error.refusal != "NotFoundException":
                    raise
            time.sleep(pause)
        return self._call(operation, **members)

    def _call(self, operation: str, **members: Any) -> Mapping[str, Any]:
        """One request, one answer.

        Raises:
            ProviderDownError: there was none, or none that can be read.
            _RefusedError: KMS said no.
        """
        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(**members)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            code = str(error.response.get("Error", {}).get("Code", ""))
        except ParamValidationError as error:
            status, code = 400, type(error).__name__
        except (BotoCoreError, ResponseParserError) as error:
            status, code = 0, type(error).__name__
        else:
            return answer
        is_code = _CODE.fullmatch(code) is not None
        if not is_code or code in _DOWN or not 400 <= status < 500:
            raise ProviderDownError(f"AWS KMS can't be used ({code if is_code else 'an unreadable answer'})")
        raise _RefusedError(code)


class _RefusedError(KeyProviderError):
    """AWS KMS answered that it will not."""

    def __init__(self, code: str) -> None:
        super().__init__(f"AWS KMS refuses ({code})")
        self.refusal = code


def _bind(key_id: str, purpose: str, algorithm: Algorithm) -> dict[str, str]:
    """What stands in the tags of a key and in the context of what it wraps."""
    return {"vestibule-key": key_id, "vestibule-purpose": purpose, "vestibule-algorithm": algorithm.value}


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise ProviderDownError("AWS KMS left out what was asked for", outcome="wrong")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or "#" in value:
        raise ProviderDownError("AWS KMS left out what was asked for", outcome="wrong")
    return value


_SPECS: dict[Algorithm, dict[str, str]] = {
    Algorithm.ES256: {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
    Algorithm.SECRET: {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"},
}
