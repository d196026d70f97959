# SPDX-License-Identifier: Apache-2.0
"""When a checkpoint existed, by the word of a time-stamping authority (RFC 3161). Needs `timestamps`."""

from __future__ import annotations

from datetime import datetime

from cryptography.x509 import load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from vestibule.core.log.note import malformed

REQUEST_TYPE = "application/timestamp-query"


def make_request(checkpoint: bytes) -> tuple[bytes, int]:
    """A request over the exact bytes of a checkpoint, and the nonce that its answer must repeat."""
    builder = TimestampRequestBuilder().data(checkpoint).hash_algorithm(HashAlgorithm.SHA256)
    # By itself, cert_request() switches the certificate off, and then nobody can verify.
    request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    if request.nonce is None:
        raise malformed("/request", "The request has no nonce.")
    return request.as_bytes(), request.nonce


def check_timestamp(answer: bytes, checkpoint: bytes, roots: bytes, *, nonce: int | None = None) -> datetime:
    """The moment that the authority under one of *roots* (PEM) gives for *checkpoint*.

    Raises:
        InvalidRequestError: it does not, or not for these bytes.
    """
    try:
        response = decode_timestamp_response(answer)
        verifier = VerifierBuilder(nonce=nonce, roots=load_pem_x509_certificates(roots))
        verifier.build().verify_message(response, checkpoint)
    except (VerificationError, ValueError) as error:
        raise malformed("/timestamp", f"The timestamp does not hold: {error}.") from error
    moment: datetime = response.tst_info.gen_time
    return moment
