# SPDX-License-Identifier: Apache-2.0
"""Against a time-stamping authority of OpenSSL's, made for this test."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vestibule.auditing.timestamps import check_timestamp, make_request
from vestibule.errors import InvalidRequestError

CHECKPOINT = (Path(__file__).parents[1] / "vectors/log/checkpoint.txt").read_bytes()
# Without `certs`: OpenSSL would write the chain as a set out of order, which a strict reader refuses.
_CONFIG = """
[tsa]
default_tsa = this
[this]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[extensions]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""

pytestmark = pytest.mark.covers("AUD-03")


class Authority:
    """A root and the authority under it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "config").write_text(_CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._run(
            "req", "-x509", *curve, "-subj", "/CN=root", "-keyout", "root.key", "-out", "root.pem", "-days", "2",
            "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip
        self._run("req", *curve, "-subj", "/CN=tsa", "-keyout", "tsa.key", "-out", "tsa.csr")
        self._run(
            "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
            "-out", "tsa.pem", "-days", "2", "-extfile", "config", "-extensions", "extensions",
        )  # fmt: skip

    @property
    def roots(self) -> bytes:
        return (self._folder / "root.pem").read_bytes()

    def stamp(self, request: bytes) -> bytes:
        (self._folder / "query").write_bytes(request)
        self._run("ts", "-reply", "-config", "config", "-queryfile", "query", "-out", "reply")
        return (self._folder / "reply").read_bytes()

    def _run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self._folder)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa"))


def test_a_stamped_checkpoint_has_a_moment_that_its_authority_signs(authority: Authority) -> None:
    request, nonce = make_request(CHECKPOINT)
    answer = authority.stamp(request)
    at = check_timestamp(answer, CHECKPOINT, authority.roots, nonce=nonce)
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)
    assert check_timestamp(answer, CHECKPOINT, authority.roots) == at
    for changed in (CHECKPOINT + b" ", CHECKPOINT.replace(b"\n4\n", b"\n5\n")):
        with pytest.raises(InvalidRequestError):
            check_timestamp(answer, changed, authority.roots)
    with pytest.raises(InvalidRequestError):
        check_timestamp(answer, CHECKPOINT, authority.roots, nonce=nonce + 1)


def test_another_authority_s_root_vouches_for_nothing(authority: Authority, tmp_path: Path) -> None:
    answer = authority.stamp(make_request(CHECKPOINT)[0])
    with pytest.raises(InvalidRequestError):
        check_timestamp(answer, CHECKPOINT, Authority(tmp_path).roots)
    for broken in (b"", answer[:-1], b"\x30\x00"):
        with pytest.raises(InvalidRequestError):
            check_timestamp(broken, CHECKPOINT, authority.roots)
