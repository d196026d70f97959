# SPDX-License-Identifier: Apache-2.0
"""The encrypted key store: what it takes to read a key, and what no accident and no neighbour can do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.rings import MASTER, OTHER_MASTER, make_store
from vestibule.actions.keys.turn_keys import draw_key
from vestibule.core.keys import Algorithm, KeyRecord, Purpose
from vestibule.errors import ConfigurationError, KeyProviderError
from vestibule.keys.file import FileProvider
from vestibule.keys.master import MasterKey, create_store, read_secret_file
from vestibule.keys.proving import prove_key

SOURCE = Path(__file__).resolve().parents[2] / "src"
_DYING = """
import os, signal, sys
from pathlib import Path
from vestibule.core.keys import Algorithm
from vestibule.keys.file import FileProvider
from vestibule.keys.master import MasterKey
directory, master, fatal = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
provider = FileProvider(directory, MasterKey(master))
calls = 0
def die_at(name):
    real = getattr(os, name)
    def call(*args, **named):
        global calls
        calls += 1
        if calls == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)
    setattr(os, name, call)
for name in ("open", "fdopen", "fsync", "link", "unlink", "close"):
    die_at(name)
provider.create("dying", "claim", Algorithm.ED25519)
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "ring"


@pytest.fixture
def provider(store: Path) -> FileProvider:
    return make_store(store)


def draw(provider: FileProvider, purpose: str) -> KeyRecord:
    return draw_key(provider, purpose, datetime.now(UTC))


def refuse(provider: FileProvider, key: KeyRecord) -> str:
    """What is told of a key that can't be used; nobody learns more from the exception."""
    with pytest.raises(KeyProviderError) as refusal:
        prove_key(provider, key)
    assert refusal.value.__context__ is None
    return refusal.value.finding


@pytest.mark.covers("TOK-05")
def test_every_purpose_has_a_key_that_can_be_used_and_a_second_process_uses_it_too(
    provider: FileProvider, store: Path
) -> None:
    again = FileProvider(store, MasterKey(MASTER))
    for purpose in Purpose:
        key = draw(provider, purpose)
        prove_key(again, key)
    elliptic = provider.create("p256", "claim", Algorithm.ES256)
    key = replace(
        draw(provider, Purpose.CLAIM),
        key_id="p256",
        reference="p256",
        algorithm=Algorithm.ES256,
        public_key=elliptic.public_key,
    )
    prove_key(again, key)
    assert len(again.sign(key, b"data")) == 64
    assert not again.examine()


@pytest.mark.covers("TOK-05", "C04")
def test_a_key_file_is_of_no_use_in_another_keys_place_nor_for_another_purpose(
    provider: FileProvider, store: Path
) -> None:
    claim, receipt = draw(provider, Purpose.CLAIM), draw(provider, Purpose.RECEIPT)
    kek, index = draw(provider, Purpose.KEK), draw(provider, Purpose.BLIND_INDEX)
    for one, other in ((claim, receipt), (kek, index)):
        files = [store / f"{key.key_id}.json" for key in (one, other)]
        kept = [file.read_bytes() for file in files]
        for file, content in zip(files, reversed(kept), strict=True):
            file.write_bytes(content)
        assert "another key's" in refuse(provider, one)
        assert "another key's" in refuse(provider, other)
        for file, content in zip(files, kept, strict=True):
            file.write_bytes(content)
        prove_key(provider, one)
    # A record that somebody has changed in the database does not open the file either.
    for changed in (
        replace(claim, purpose="checkpoint"),
        replace(claim, key_id=receipt.key_id),
        replace(claim, algorithm=Algorithm.ES256),
        replace(claim, reference=receipt.reference),
        replace(claim, reference="../../etc/passwd"),
        replace(claim, reference="no-such-key"),
    ):
        assert "another key's" in refuse(provider, changed)
    # Two records of one purpose with each other's public halves: the check sees it.
    assert "another key" in refuse(provider, replace(claim, public_key=receipt.public_key))
    assert "another provider" in refuse(provider, replace(claim, provider="aws-kms"))


@pytest.mark.covers("TOK-05")
def test_a_file_that_was_cut_off_or_changed_is_refused_at_every_byte(
    provider: FileProvider, store: Path
) -> None:
    key = draw(provider, Purpose.KEK)
    file = store / f"{key.key_id}.json"
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        refuse(provider, key)
    sealed = whole.index(b'"sealed": "') + 11
    for place in range(sealed, sealed + 70):
        changed = b"A" if whole[place : place + 1] != b"A" else b"B"
        file.write_bytes(whole[:place] + changed + whole[place + 1 :])
        refuse(provider, key)
    file.write_bytes(whole)
    prove_key(provider, key)


@pytest.mark.covers("TOK-05")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_what_others_can_read_is_not_used(provider: FileProvider, store: Path, mode: int) -> None:
    key = draw(provider, Purpose.CLAIM)
    file = store / f"{key.key_id}.json"
    file.chmod(mode)
    assert "can be read by others" in refuse(provider, key)
    assert provider.examine() == [f"{file.name} can be read by others on this machine"]
    file.chmod(0o600)
    prove_key(provider, key)
    for path, right in ((store, 0o700), (store / "keyring.json", 0o600)):
        path.chmod(mode)
        with pytest.raises(ConfigurationError, match="read by others"):
            FileProvider(store, MasterKey(MASTER))
        path.chmod(right)
    FileProvider(store, MasterKey(MASTER))


@pytest.mark.covers("TOK-05")
def test_only_its_own_secret_opens_a_store_and_a_passphrase_does_too(store: Path) -> None:
    phrase = MasterKey("a passphrase that people can remember")
    create_store(store, phrase)
    key = draw(FileProvider(store, phrase), Purpose.KEK)
    prove_key(FileProvider(store, phrase), key)
    for wrong in (MasterKey(MASTER), MasterKey("a passphrase that people can remembeR"), MasterKey("")):
        with pytest.raises(ConfigurationError, match="VESTIBULE_KEYRING_SECRET"):
            FileProvider(store, wrong)
    with pytest.raises(ConfigurationError, match="already"):
        create_store(store, phrase)


@pytest.mark.covers("TOK-05")
def test_a_secret_in_a_file_is_read_when_nobody_else_can(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(MASTER + "\n")
    file.chmod(0o600)
    assert read_secret_file(file).text == MASTER
    file.chmod(0o640)
    for place in (file, tmp_path / "none"):
        with pytest.raises(ConfigurationError, match="VESTIBULE_KEYRING_SECRET_FILE"):
            read_secret_file(place)
    file.chmod(0o600)
    file.write_text("\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        read_secret_file(file)


@pytest.mark.covers("TOK-05")
def test_a_process_that_dies_at_any_step_of_writing_leaves_a_whole_key_or_none(
    provider: FileProvider, store: Path
) -> None:
    kept = draw(provider, Purpose.CLAIM)
    states = []
    for step in range(1, 12):
        command = [sys.executable, "-c", _DYING, str(store), MASTER, str(step)]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=False, timeout=120
        )
        file = store / "dying.json"
        if file.exists():
            assert set(json.loads(file.read_bytes())) == {"v", "sealed"}
            file.unlink()
            states.append("whole")
        else:
            states.append("none")
        prove_key(FileProvider(store, MasterKey(MASTER)), kept)
        if done.returncode == 0:
            break
        assert done.returncode == -9
    assert states[0] == "none"
    assert states[-1] == "whole"
    assert sorted(states) == states, "none at first, then whole"


@pytest.mark.covers("TOK-05", "K10")
def test_no_secret_is_in_a_file_a_repr_or_a_traceback(provider: FileProvider, store: Path) -> None:
    keys = [draw(provider, purpose) for purpose in Purpose]
    secrets = [provider.open_secret(key) for key in keys]
    assert all(len(secret) >= 32 for secret in secrets)
    shown = repr(provider) + repr(MasterKey(MASTER)) + repr(keys)
    for attempt in (lambda: FileProvider(store, MasterKey(OTHER_MASTER)), lambda: refuse(provider, keys[0])):
        (store / f"{keys[0].key_id}.json").write_bytes(b"{}")
        try:
            attempt()
        except ConfigurationError:
            shown += traceback.format_exc()
    written = b"".join(file.read_bytes() for file in store.iterdir())
    for secret in secrets:
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
        assert secret not in written
    for master in (MASTER, OTHER_MASTER):
        assert master not in shown
        assert master.encode() not in written
