# SPDX-License-Identifier: Apache-2.0
"""KEYRING chooses the provider, and says what is wrong with it by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.keys.conftest import MASTER
from vestibule.errors import ConfigurationError
from vestibule.keyring import make_key_store, make_provider
from vestibule.keys.guard import GuardedProvider
from vestibule.keys.master import create_store
from vestibule.keys.opening import open_provider
from vestibule.settings import load_settings

pytestmark = pytest.mark.covers("TOK-05")
_BASE = {"VESTIBULE_DATABASE_URL": "sqlite:///x", "VESTIBULE_PUBLIC_URL": "https://a.example"}


@pytest.mark.parametrize(
    "keyring",
    [
        "gcp-kms://projects/x",
        "vault://host/key",
        "https://kms.example",
        "aws-kms:",
        "aws-kms://",
        "aws-kms://Europe",
        "aws-kms://eu-central-1/alias",
        "aws-kms://user@eu-central-1/",
        "aws-kms://eu-central-1/?alias=x",
        "aws-kms://eu-central-1/?endpoint=http://kms.example",
        "aws-kms://eu-central-1/?endpoint=ftp://127.0.0.1",
        "aws-kms://eu-central-1/?endpoint=",
        "aws-kms://eu-central-1/?endpoint=https://a.example&endpoint=https://b.example",
        "aws-kms://eu-central-1/#x",
        "aws-kms://[",
        "pkcs11:",
        "pkcs11:/lib.so",
        "pkcs11:/lib.so?token=",
        "pkcs11:lib.so?token=x",
        "pkcs11://host/lib.so?token=x",
        "pkcs11:/nowhere/lib.so?token=x",
        "pkcs11:/lib.so?token=x&pin=1234",
    ],
)
def test_a_key_ring_that_can_not_be_right_is_named(keyring: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        make_provider(
            load_settings({**_BASE, "VESTIBULE_KEYRING": keyring, "VESTIBULE_KEYRING_SECRET": "1234"})
        )
    assert told.value.setting == "VESTIBULE_KEYRING"
    assert "1234" not in str(told.value)
    assert told.value.remedy


def test_the_pin_is_asked_for_by_its_setting(softhsm: Path) -> None:
    with pytest.raises(ConfigurationError) as told:
        make_provider(load_settings({**_BASE, "VESTIBULE_KEYRING": f"pkcs11:{softhsm}?token=vestibule"}))
    assert told.value.setting == "VESTIBULE_KEYRING_SECRET"


def test_every_provider_comes_with_its_guard(tmp_path: Path, aws: None) -> None:
    create_store(tmp_path / "keys", MASTER)
    settings = {**_BASE, "VESTIBULE_KEYRING": str(tmp_path / "keys"), "VESTIBULE_KEYRING_SECRET": MASTER.text}
    assert isinstance(make_provider(load_settings(settings)), GuardedProvider)
    kms = make_provider(load_settings({**_BASE, "VESTIBULE_KEYRING": "aws-kms://eu-central-1"}))
    assert isinstance(kms, GuardedProvider)
    assert kms.scheme == "aws-kms"
    assert make_provider(load_settings(_BASE)) is None


@pytest.mark.parametrize(
    "extra,module,keyring",
    [
        ("kms", "botocore", "aws-kms://eu-central-1/"),
        ("pkcs11", "pkcs11", "pkcs11:/bin/sh?token=x"),
    ],
)
def test_a_missing_extra_is_named(
    extra: str, module: str, keyring: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name in ("vestibule.keys.aws_kms", "vestibule.keys.pkcs11"):
            monkeypatch.delitem(sys.modules, name)
        elif name.partition(".")[0] == module:
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError) as told:
        open_provider(keyring, lambda: MASTER)
    assert told.value.remedy == f"pip install 'vestibule[{extra}]'"


def test_no_store_is_made_where_a_service_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(
        {**_BASE, "VESTIBULE_KEYRING": "aws-kms://eu-central-1/", "VESTIBULE_KEYRING_SECRET": "x"}
    )
    with pytest.raises(ConfigurationError):
        make_key_store(settings)
    assert list(tmp_path.iterdir()) == []
    make_key_store(
        load_settings({**_BASE, "VESTIBULE_KEYRING": "keys", "VESTIBULE_KEYRING_SECRET": MASTER.text})
    )
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]
