# SPDX-License-Identifier: Apache-2.0
"""What only a token has: a PIN that locks, a library that two threads crash, objects that others could take out."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass

from tests.architecture.sources import ROOT
from tests.keys.records import make_key
from tests.keys.softhsm import PIN, write_configuration
from vestibule.core.keys import Algorithm
from vestibule.errors import ConfigurationError, KeyProviderError
from vestibule.keys import pkcs11 as pkcs11_provider
from vestibule.keys.breaker import ProviderDownError
from vestibule.keys.guard import GuardedProvider, GuardPolicy
from vestibule.keys.master import MasterKey
from vestibule.keys.opening import open_provider
from vestibule.keys.pkcs11 import Pkcs11Provider

pytestmark = pytest.mark.covers("TOK-05")


def test_a_wrong_pin_is_tried_once_and_named_at_the_start(softhsm: Path) -> None:
    wrong = Pkcs11Provider(softhsm, "strict", "000000")
    for _ in range(5):
        with pytest.raises(KeyProviderError) as refused:
            wrong.create("id", "claim", Algorithm.ED25519)
        assert "PinIncorrect" in refused.value.finding
        assert "000000" not in refused.value.finding
    with pytest.raises(ConfigurationError) as told:
        open_provider(f"pkcs11:{softhsm}?token=strict", lambda: MasterKey("000000"))
    assert told.value.setting == "VESTIBULE_KEYRING_SECRET"
    assert "000000" not in str(told.value)
    # A log-in is the whole process's: nobody else in these tests uses this token.
    right = open_provider(f"pkcs11:{softhsm}?token=strict", lambda: MasterKey(PIN))
    assert right.sign(make_key(right), b"data")


def test_a_wrong_pin_is_not_sent_twice(softhsm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    class Counting(Pkcs11Provider):
        def _open(self) -> pkcs11.Session:
            opened.append(self._label)
            raise pkcs11.PinIncorrect

    counting = Counting(softhsm, "other", "000000")
    for _ in range(5):
        with pytest.raises(KeyProviderError):
            counting.examine()
    assert opened == ["other"]


def test_a_token_that_is_not_there_does_not_keep_the_service_from_starting(softhsm: Path) -> None:
    provider = open_provider(f"pkcs11:{softhsm}?token=elsewhere", lambda: MasterKey(PIN))
    assert provider.examine() == ["the token can't be used (NoSuchToken)"]
    with pytest.raises(ProviderDownError):
        make_key(provider)


def test_private_halves_can_not_be_taken_out(softhsm: Path) -> None:
    provider = Pkcs11Provider(softhsm, "vestibule", PIN)
    keys = [make_key(provider, "claim"), make_key(provider, "kek", Algorithm.SECRET)]

    def look(session: pkcs11.Session) -> list[tuple[object, ...]]:
        kinds = (ObjectClass.PRIVATE_KEY, ObjectClass.SECRET_KEY)
        names = (Attribute.SENSITIVE, Attribute.EXTRACTABLE, Attribute.PRIVATE, Attribute.TOKEN)
        return [
            tuple(found[name] for name in names)
            for kind, key in zip(kinds, keys, strict=True)
            for found in session.get_objects({Attribute.CLASS: kind, Attribute.ID: key.key_id.encode()})
        ]

    assert provider._use(look) == [(True, False, True, True)] * 2


def test_a_destroyed_key_leaves_no_object_in_the_token(softhsm: Path) -> None:
    provider = GuardedProvider(Pkcs11Provider(softhsm, "vestibule", PIN))
    inner = Pkcs11Provider(softhsm, "vestibule", PIN)
    for key in (make_key(provider), make_key(provider, "kek", Algorithm.SECRET)):
        name = {Attribute.ID: key.key_id.encode()}
        assert inner._use(lambda session, name=name: len(list(session.get_objects(name)))) > 0  # type: ignore[misc]
        provider.destroy(key)
        assert inner._use(lambda session, name=name: len(list(session.get_objects(name)))) == 0  # type: ignore[misc]


def test_a_token_that_goes_away_is_an_error_and_one_that_comes_back_is_used(
    softhsm: Path, tmp_path: Path
) -> None:
    # In a process of its own: SoftHSM's library answers for no token once one is missing.
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "SOFTHSM2_CONF": str(write_configuration(tmp_path)),
    }
    done = subprocess.run(
        [sys.executable, "-c", _GOING_AWAY, str(softhsm)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["signed", "failed", "failed", "signed"]


def test_a_library_that_hangs_is_waited_for_no_longer_than_any_other(softhsm: Path) -> None:
    policy = GuardPolicy(timeout=timedelta(seconds=0.2), failures=2)
    provider = GuardedProvider(Pkcs11Provider(softhsm, "vestibule", PIN), policy=policy)
    key = make_key(provider)
    outcomes = []
    with pkcs11_provider._one_at_a_time:  # as a call that does not come back holds it
        for _ in range(4):
            with pytest.raises(ProviderDownError) as failed:
                provider.sign(key, b"data")
            outcomes.append(failed.value.outcome)
    assert outcomes == ["slow", "slow", "open", "open"]


def test_what_was_wrapped_by_one_token_does_not_open_in_another(softhsm: Path) -> None:
    one = Pkcs11Provider(softhsm, "vestibule", PIN)
    other = Pkcs11Provider(softhsm, "other", PIN)
    key = make_key(one, "kek", Algorithm.SECRET)
    assert len(one.open_secret(key)) == 32
    with pytest.raises(KeyProviderError):
        other.open_secret(key)


_GOING_AWAY = """
import subprocess, sys
from pathlib import Path
from tests.architecture.sources import ROOT
from tests.keys.records import make_key
from tests.keys.softhsm import PIN, make_token
from vestibule.errors import KeyProviderError
from vestibule.keys.guard import GuardedProvider, GuardPolicy
from vestibule.keys.pkcs11 import Pkcs11Provider

def attempt():
    try:
        provider.sign(make_key(provider), b"data")
        print("signed")
    except KeyProviderError:
        print("failed")

make_token("away")
provider = GuardedProvider(Pkcs11Provider(Path(sys.argv[1]), "away", PIN))
attempt()
subprocess.run(["softhsm2-util", "--delete-token", "--token", "away"], check=True, capture_output=True)
attempt()
attempt()
make_token("away")
attempt()
"""
