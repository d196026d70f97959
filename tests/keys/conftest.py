# SPDX-License-Identifier: Apache-2.0
"""Every provider there is, each with the guard before it, as KEYRING opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tests.keys.fake_kms import FakeKms
from tests.keys.softhsm import PIN, find_library, make_token, write_configuration
from vestibule.keys.guard import GuardedProvider
from vestibule.keys.master import MasterKey, create_store
from vestibule.keys.opening import open_provider

REGION = "eu-central-1"
MASTER = MasterKey("IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI=")
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "NO_PROXY": "127.0.0.1",
}


@pytest.fixture(scope="session")
def aws() -> Iterator[None]:
    """Credentials that open nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def moto_url(aws: None) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def kms(aws: None) -> Iterator[FakeKms]:
    made = FakeKms()
    yield made
    made.close()


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """SoftHSM's library, with the tokens ``vestibule``, ``other`` and ``gone``; it looks for them once."""
    library = find_library()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(write_configuration(tmp_path_factory.mktemp("softhsm"))))
        for label in ("vestibule", "other", "gone"):
            make_token(label)
        yield library


def open_file(request: pytest.FixtureRequest) -> GuardedProvider:
    directory = request.getfixturevalue("tmp_path") / "keys"
    create_store(directory, MASTER)
    return open_provider(str(directory), lambda: MASTER)


def open_moto(request: pytest.FixtureRequest) -> GuardedProvider:
    url = request.getfixturevalue("moto_url")
    return open_provider(f"aws-kms://{REGION}/?endpoint={url}", _no_secret)


def open_fake(request: pytest.FixtureRequest) -> GuardedProvider:
    url = request.getfixturevalue("kms").url
    return open_provider(f"aws-kms://{REGION}/?endpoint={url}", _no_secret)


def open_softhsm(request: pytest.FixtureRequest) -> GuardedProvider:
    library = request.getfixturevalue("softhsm")
    return open_provider(f"pkcs11:{library}?token=vestibule", lambda: MasterKey(PIN))


def _no_secret() -> MasterKey:
    raise AssertionError("AWS KMS needs no secret of ours")


OPENERS: dict[str, Callable[[pytest.FixtureRequest], GuardedProvider]] = {
    "file": open_file,
    "aws-kms-moto": open_moto,
    "aws-kms-fake": open_fake,
    "pkcs11-softhsm": open_softhsm,
}


@pytest.fixture(params=sorted(OPENERS))
def provider(request: pytest.FixtureRequest) -> GuardedProvider:
    return OPENERS[request.param](request)
