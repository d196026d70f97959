# SPDX-License-Identifier: Apache-2.0
"""The key ring as an operator has it: made once, listed, rotated, given up, published, checked."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from joserfc import jws
from joserfc.jwk import KeySet
from joserfc.registry import Header

from tests.cli.conftest import Run
from tests.keys.fake_kms import FakeKms
from vestibule.core.keys import Purpose
from vestibule.storage.engine import make_engine

SECRET = b64encode(bytes(range(32))).decode()
OTHER_SECRET = b64encode(bytes(32)).decode()
PURPOSES = {purpose.value for purpose in Purpose}
Keys = Callable[..., Any]


@contextmanager
def open_database(settings: dict[str, str]) -> Iterator[sa.Connection]:
    """The world's own hand."""
    engine = make_engine(settings["DATABASE_URL"])
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def ringed(deployed: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Settings that name a key store; it is not there yet."""
    return {**deployed, "KEYRING": str(tmp_path / "ring"), "KEYRING_SECRET": SECRET}


@pytest.fixture
def keys(run: Run, ringed: dict[str, str]) -> Keys:
    """A command's document; with ``status`` its complaint."""

    def type_in(*words: str, status: int = 0, **settings: str) -> Any:
        asked = ("keys", *words, *(() if status else ("--json",)))
        outcome = run(*asked, settings={**ringed, **settings})
        assert outcome.status == status, outcome.err + outcome.out
        assert "Traceback" not in outcome.err
        assert SECRET not in outcome.out + outcome.err
        return outcome.err + outcome.out if status else outcome.document

    return type_in


@pytest.mark.covers("TOK-05", "INT-05")
def test_one_command_makes_the_store_and_every_first_key_and_again_makes_nothing(keys: Keys) -> None:
    made = keys("create")
    assert made["is_store_new"]
    assert {one["purpose"] for one in made["items"]} == PURPOSES
    assert {one["state"] for one in made["items"]} == {"active"}
    assert keys("create") == {"is_store_new": False, "items": []}
    assert {one["key_id"] for one in keys("list")["items"]} == {one["key_id"] for one in made["items"]}


@pytest.mark.covers("TOK-05")
def test_nothing_but_create_makes_a_store_and_never_in_the_place_of_a_lost_one(
    keys: Keys, ringed: dict[str, str]
) -> None:
    store = Path(ringed["KEYRING"])
    for words in (("rotate", "claim"), ("create", "claim"), ("publish", str(store / "out"))):
        assert "there is no key store" in keys(*words, status=2)
    assert not store.exists()
    keys("create")
    shutil.rmtree(store)
    assert "the database has keys" in keys("create", status=2)
    assert not store.exists()
    # Lost for good: a new store, and every key that was in the old one is given up.
    assert keys("create", "--new-store") == {"is_store_new": True, "items": []}
    for one in keys("list")["items"]:
        assert one["key_id"] in keys("check", status=1)
        keys("compromise", one["key_id"], "--reason", "the store is lost")
    assert keys("check")["healthy"]


@pytest.mark.covers("TOK-04", "C06")
def test_rotation_waits_until_verifiers_know_the_key_unless_it_is_told_not_to(keys: Keys) -> None:
    first = {one["purpose"]: one["key_id"] for one in keys("create")["items"]}
    assert "No key is pending" in keys("rotate", "claim", status=1)
    [pending] = keys("create", "claim")["items"]
    assert pending["state"] == "pending"
    assert "pending already" in keys("create", "claim", status=1)
    assert "published a moment ago" in keys("rotate", "claim", status=1)
    assert keys("rotate", "claim", "--at-once")["key_id"] == pending["key_id"]
    states = {one["key_id"]: one["state"] for one in keys("list")["items"]}
    assert states[first["claim"]] == "verify_only"
    # Nobody verifies with a secret: its next one needs no notice.
    assert keys("rotate", "kek")["state"] == "active"


@pytest.mark.covers("TOK-04", "C06")
def test_a_key_is_given_up_by_one_command_and_the_next_one_is_in_use(keys: Keys) -> None:
    first = {one["purpose"]: one["key_id"] for one in keys("create")["items"]}
    given = keys("compromise", first["claim"], "--reason", "a laptop was stolen")
    assert given["active_key_id"] == given["successor_key_id"] != first["claim"]
    assert "given up before" in keys("compromise", first["claim"], "--reason", "again", status=1)
    assert "not_found" in keys("compromise", "unknown", "--reason", "no such key", status=1)
    assert "--reason" in keys("compromise", first["receipt"], "--reason", " ", status=2)
    states = {one["key_id"]: one["state"] for one in keys("list")["items"]}
    assert states[first["claim"]] == "compromised"
    assert states[given["active_key_id"]] == "active"


@pytest.mark.covers("TOK-04")
def test_what_is_published_verifies_with_another_library(keys: Keys, tmp_path: Path) -> None:
    made = {one["purpose"]: one["key_id"] for one in keys("create")["items"]}
    keys("compromise", made["claim"], "--reason", "a drill")
    target = tmp_path / "cdn"
    for _ in range(2):
        written = keys("publish", str(target))
    assert sorted(path.name for path in target.iterdir()) == ["invitation-keys.json", "jwks.json"]
    assert written == {"files": [str(target / "jwks.json"), str(target / "invitation-keys.json")]}
    key_set = json.loads((target / "jwks.json").read_text())
    signed = json.loads((target / "invitation-keys.json").read_text())
    registry = jws.JWSRegistry(algorithms=["Ed25519"])
    read = jws.deserialize_json(signed, KeySet.import_key_set(key_set), registry=registry)
    header: Header = read.headers()
    assert header["typ"] == "vestibule-keys+json"
    assert header["kid"] == made["schedule"]
    schedule = json.loads(read.payload)
    assert [one["kid"] for one in schedule["revoked_keys"]] == [made["claim"]]
    assert made["claim"] not in {key["kid"] for key in key_set["keys"]}
    assert {one["purpose"] for one in schedule["keys"]} == {"claim", "checkpoint", "receipt", "schedule"}


@pytest.mark.covers("TOK-05")
def test_check_and_doctor_name_what_is_wrong(keys: Keys, run: Run, ringed: dict[str, str]) -> None:
    def complain(**settings: str) -> str:
        doctor = run("doctor", settings={**ringed, **settings})
        told: str = keys("check", status=1, **settings)
        for line in told.splitlines():
            if line.startswith("fail"):
                assert line.split()[-1] in doctor.out
        assert doctor.status == 1
        return told

    made = {one["purpose"]: one["key_id"] for one in keys("create")["items"]}
    assert keys("check")["healthy"]
    store = Path(ringed["KEYRING"])
    assert "VESTIBULE_KEYRING_SECRET: does not open" in complain(KEYRING_SECRET=OTHER_SECRET)
    assert "VESTIBULE_KEYRING_SECRET: is not set" in complain(KEYRING_SECRET="")
    assert "there is no key store" in complain(KEYRING=str(store / "elsewhere"))
    assert "is not set, but the database has keys" in complain(KEYRING="")
    one, other = (store / f"{made[name]}.json" for name in ("claim", "receipt"))
    one.chmod(0o640)
    assert f"{one.name} can be read by others" in complain()
    one.chmod(0o600)
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    assert f"key {made['claim']} can't be used" in complain()
    one.unlink()
    assert f"key {made['claim']} can't be used" in complain()
    one.write_bytes(kept)
    one.chmod(0o600)
    assert keys("check")["healthy"]


@pytest.mark.covers("TOK-05", "TOK-08")
def test_a_database_of_sealed_addresses_is_examined_whatever_became_of_its_keys(
    run: Run, settings: dict[str, str], tmp_path: Path
) -> None:
    ring = {**settings, "KEYRING": str(tmp_path / "ring"), "KEYRING_SECRET": SECRET, "ADDRESSES": "sealed"}
    assert run("migrate", settings=settings).status == 0
    assert run("keys", "create", settings=ring).status == 0
    assert run("person", "rewrap", settings=ring).status == 0
    assert run("doctor", settings=ring).status == 0
    for wrong in ({"KEYRING_SECRET": OTHER_SECRET}, {"KEYRING": ""}, {"KEYRING": str(tmp_path / "none")}):
        for words in (("doctor",), ("keys", "check")):
            outcome = run(*words, settings={**ring, **wrong})
            assert outcome.status == 1, outcome.err
            assert "fail  key ring" in outcome.out
    lost = run("keys", "create", settings={**ring, "KEYRING": str(tmp_path / "none")})
    assert "the database has keys" in lost.err


@pytest.mark.covers("TOK-05")
def test_nobody_is_told_to_give_keys_up_because_their_provider_is_away(
    run: Run, deployed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    kms = FakeKms()
    there = {**deployed, "KEYRING": f"aws-kms://eu-central-1/?endpoint={kms.url}"}
    assert run("keys", "create", settings=there).status == 0
    assert run("keys", "check", settings=there).status == 0
    # One that the provider refuses is named, and only that one.
    disabled = next(iter(kms.keys.values()))
    disabled.state = "Disabled"
    told = run("keys", "check", settings=there)
    assert told.status == 1
    assert told.out.count("can't be used") == 1
    kms.close()
    told = run("keys", "check", settings=there)
    assert told.status == 1
    assert told.out.count("fail") == 1
    assert "give no key up" in told.out


@pytest.mark.covers("TOK-05", "OBS-05")
def test_a_service_whose_keys_are_not_right_does_not_start_and_says_why(
    keys: Keys, run: Run, ringed: dict[str, str]
) -> None:
    def refuse(**settings: str) -> str:
        outcome = run("serve", settings={**ringed, "BIND": "127.0.0.1:0", **settings})
        assert outcome.status == 2, outcome.out
        assert "Traceback" not in outcome.err
        assert SECRET not in outcome.err
        return outcome.err

    made = {one["purpose"]: one["key_id"] for one in keys("create")["items"]}
    store = Path(ringed["KEYRING"])
    assert "VESTIBULE_KEYRING_SECRET: does not open" in refuse(KEYRING_SECRET=OTHER_SECRET)
    assert "VESTIBULE_KEYRING_SECRET: is not set" in refuse(KEYRING_SECRET="")
    assert "VESTIBULE_KEYRING: there is no key store" in refuse(KEYRING=str(store / "none"))
    file = store / f"{made['checkpoint']}.json"
    kept = file.read_bytes()
    file.unlink()
    told = refuse()
    assert told.startswith("Error: VESTIBULE_KEYRING: the file of key " + made["checkpoint"])
    file.write_bytes(kept)
    assert "can be read by others" in refuse()
    file.chmod(0o600)
    with open_database(ringed) as connection:
        connection.exec_driver_sql("UPDATE vestibule_keys SET provider = 'aws-kms' WHERE purpose = 'kek'")
    assert f"key {made['kek']} (kek) is with aws-kms" in refuse()
