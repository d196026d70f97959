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
from vestibule.ports import KeyProvider

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


@pytest.fixture(scope="session")
def moto_provider(moto_url: str) -> GuardedProvider:
    return open_provider(f"aws-kms://{REGION}/?endpoint={moto_url}", _no_secret)


@pytest.fixture(scope="session")
def fake_server(aws: None) -> Iterator[FakeKms]:
    made = FakeKms()
    yield made
    made.close()


@pytest.fixture(scope="session")
def fake_provider(fake_server: FakeKms) -> GuardedProvider:
    return open_provider(f"aws-kms://{REGION}/?endpoint={fake_server.url}", _no_secret)


@pytest.fixture
def kms(fake_server: FakeKms) -> Iterator[FakeKms]:
    """Our own KMS, empty and truthful."""
    fake_server.reset()
    yield fake_server
    fake_server.reset()


@pytest.fixture
def aws_kms(kms: FakeKms, fake_provider: GuardedProvider) -> KeyProvider:
    """The provider over it, without its guard. To make a client takes a second; to ask it does not."""
    return fake_provider._provider


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """SoftHSM's library, with the tokens ``vestibule``, ``other`` and ``strict``; it looks for them once."""
    library = find_library()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(write_configuration(tmp_path_factory.mktemp("softhsm"))))
        for label in ("vestibule", "other", "strict"):
            make_token(label)
        yield library


def open_file(request: pytest.FixtureRequest) -> GuardedProvider:
    directory = request.getfixturevalue("tmp_path") / "keys"
    create_store(directory, MASTER)
    return open_provider(str(directory), lambda: MASTER)


def open_moto(request: pytest.FixtureRequest) -> GuardedProvider:
    made: GuardedProvider = request.getfixturevalue("moto_provider")
    return made


def open_fake(request: pytest.FixtureRequest) -> GuardedProvider:
    return GuardedProvider(request.getfixturevalue("aws_kms"))


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
