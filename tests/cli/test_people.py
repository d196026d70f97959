# SPDX-License-Identifier: Apache-2.0
"""Sealed addresses from the operator's side: start-up, look, rotate, show and erase (TOK-08, LIF-06)."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.sealing import make_ring
from tests.servers import PostgresServer
from vestibule.actions.directory.keep_users import add_user
from vestibule.actions.keys.turn_keys import rotate_key
from vestibule.actions.members.put_member import MemberDraft, put_member
from vestibule.actions.privacy.rewrap import review_sealing, rewrap
from vestibule.actions.tenants.put_tenant import put_tenant
from vestibule.bootstrap import build_plain_runner
from vestibule.cli.doctor.privacy import check_privacy
from vestibule.core.directory import DirectoryDraft
from vestibule.core.email import EmailAddress
from vestibule.core.identity import HostKey, RequestContext
from vestibule.core.keys import KeySchedule
from vestibule.errors import ConfigurationError
from vestibule.keyring import make_provider
from vestibule.settings import Settings
from vestibule.storage.engine import make_engine
from vestibule.storage.migrations import migrate
from vestibule.storage.runners import PlainRunner
from vestibule.storage.schema import accounts, memberships, privacy

_HOST = HostKey(key_id="test")
_CONTEXT = RequestContext(correlation_id="test")


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A migrated, empty database."""
    url = f"sqlite:///{tmp_path / 'vestibule.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    engine = make_engine(url, create=True)
    migrate(engine)
    engine.dispose()
    return Settings(database_url=url, public_url="https://app.example")


def found(settings: Settings) -> None:
    runner = build_plain_runner(settings)
    draft = MemberDraft(role="owner", email=EmailAddress("olga@example.com"), name="Olga")
    runner.run(put_tenant, _HOST, "acme", name="Acme", policy=None, context=_CONTEXT)
    runner.run(put_member, _HOST, "acme", "olga", draft, context=_CONTEXT)
    runner.close()


def stored(settings: Settings) -> str:
    engine = make_engine(settings.database_url)
    with engine.connect() as connection:
        email = connection.execute(sa.select(memberships.c.email)).scalar_one()
    engine.dispose()
    return str(email)


def refusal(settings: Settings) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        build_plain_runner(settings)
    return refused.value


@pytest.mark.covers("TOK-08")
def test_by_default_addresses_are_sealed_where_a_server_has_the_keys_for_it(
    settings: Settings, tmp_path: Path
) -> None:
    ringed = make_ring(settings, tmp_path / "ring")
    found(ringed)
    is_postgresql = settings.database_url.startswith("postgresql")
    assert stored(ringed).startswith(":") is is_postgresql
    assert [one.verdict.value for one in check_privacy(ringed)] == ["ok"]


@pytest.mark.covers("TOK-08")
def test_without_a_ring_addresses_stand_in_plain_and_the_doctor_says_so(settings: Settings) -> None:
    found(settings)
    assert stored(settings) == "olga@example.com"
    is_postgresql = settings.database_url.startswith("postgresql")
    assert [one.verdict.value for one in check_privacy(settings)] == ["warn" if is_postgresql else "ok"]


@pytest.mark.covers("TOK-08")
def test_plain_and_sealed_are_never_mixed(settings: Settings, tmp_path: Path) -> None:
    found(settings)
    ringed = make_ring(settings, tmp_path / "ring")
    build_plain_runner(ringed).close()
    assert stored(ringed) == "olga@example.com"
    refused = refusal(replace(ringed, addresses="sealed"))
    assert (refused.setting, "plain" in refused.problem) == ("VESTIBULE_ADDRESSES", True)


@pytest.mark.covers("TOK-08", "LIF-03")
def test_a_database_that_holds_nothing_but_a_directory_s_users_stays_plain_too(
    settings: Settings, tmp_path: Path
) -> None:
    """Sealed over it, the bars of deactivated people would stand there in plain and bar nobody."""
    directory = HostKey(key_id="directory", tenant_id="acme", scopes=frozenset({"directory"}))
    gone = DirectoryDraft(
        user_name="gone@example.com",
        external_id=None,
        is_active=False,
        addresses=frozenset({"gone@example.com"}),
        document="{}",
    )
    runner = build_plain_runner(settings)
    runner.run(put_tenant, _HOST, "acme", name="Acme", policy=None, context=_CONTEXT)
    runner.run(add_user, directory, gone, context=_CONTEXT)
    runner.close()
    ringed = make_ring(settings, tmp_path / "ring")
    assert refusal(replace(ringed, addresses="sealed")).setting == "VESTIBULE_ADDRESSES"
    again = build_plain_runner(ringed)
    assert again.read(lambda uow: uow.directory.is_barred("acme", "gone@example.com"))
    assert not again.read(lambda uow: uow.directory.is_barred("acme", "here@example.com"))
    again.close()


@pytest.mark.covers("TOK-08", "OBS-05")
def test_a_database_that_was_sealed_does_not_open_without_its_keys(
    settings: Settings, tmp_path: Path
) -> None:
    assert refusal(replace(settings, addresses="sealed")).setting == "VESTIBULE_KEYRING"
    ringed = replace(make_ring(settings, tmp_path / "ring"), addresses="sealed")
    found(ringed)
    assert stored(ringed).startswith(":")
    assert refusal(replace(ringed, addresses="plain")).setting == "VESTIBULE_ADDRESSES"
    assert refusal(replace(ringed, keyring="", addresses="")).setting == "VESTIBULE_KEYRING"
    for path in (tmp_path / "ring").glob("*.json"):
        shutil.move(path, path.with_suffix(".away"))
        assert refusal(ringed).setting == "VESTIBULE_KEYRING"
        shutil.move(path.with_suffix(".away"), path)
    found(ringed)


@pytest.mark.covers("TOK-08")
def test_a_process_from_before_can_write_no_plain_address_into_a_sealed_database(
    settings: Settings, tmp_path: Path
) -> None:
    old = build_plain_runner(settings)
    found(replace(make_ring(settings, tmp_path / "ring"), addresses="sealed"))
    engine = make_engine(settings.database_url)
    row = {
        "account_id": "a",
        "name": "A",
        "password_hash": "x",
        "created_at": old.read(lambda uow: uow.now()),
    }
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(sa.insert(accounts).values(address="a@example.com", **row))
    with engine.begin() as connection:
        connection.execute(sa.insert(accounts).values(address=":a@b", **row))
        connection.execute(sa.delete(accounts))
        connection.execute(sa.delete(privacy))
        connection.execute(sa.insert(accounts).values(address="a@example.com", **row))
    engine.dispose()
    old.close()


@pytest.mark.covers("TOK-04", "TOK-08")
def test_after_a_rotation_both_keys_open_until_all_is_wrapped_anew(
    settings: Settings, tmp_path: Path
) -> None:
    ringed = replace(make_ring(settings, tmp_path / "ring"), addresses="sealed")
    found(ringed)
    serving = build_plain_runner(ringed)
    provider = make_provider(ringed)
    assert provider is not None
    serving.run(
        rotate_key, _HOST, "kek", provider=provider, schedule=KeySchedule(), at_once=True, context=_CONTEXT
    )
    assert [one.verdict.value for one in check_privacy(ringed)] == ["warn"]
    assert _read_email(serving) == "olga@example.com"
    newer = build_plain_runner(ringed)
    assert _read_email(newer) == "olga@example.com"
    while newer.run(rewrap, limit=1):
        pass
    standing = newer.read(review_sealing, _HOST)
    assert list(standing.wrapped) == [standing.kek_id]
    # The process from before meets rows wrapped by a key that it has not seen, and goes on.
    assert _read_email(serving) == "olga@example.com"
    assert [one.verdict.value for one in check_privacy(ringed)] == ["ok"]
    newer.close()
    serving.close()


def _read_email(runner: PlainRunner) -> str | None:
    member = runner.read(lambda uow: uow.members.find("acme", "olga"))
    return None if member is None else member.email


@pytest.mark.covers("LIF-06")
def test_the_commands_show_and_erase_one_person(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from vestibule.cli.people import erase, export, rewrap_keys  # noqa: PLC0415 - reads the environment

    ringed = replace(make_ring(settings, tmp_path / "ring"), addresses="sealed")
    found(ringed)
    for name in ("database_url", "public_url", "keyring", "keyring_secret", "addresses"):
        monkeypatch.setenv(f"VESTIBULE_{name.upper()}", getattr(ringed, name))
    export("olga@example.com")
    held = json.loads(capsys.readouterr().out)
    assert [one["email"] for one in held["memberships"]] == ["olga@example.com"]
    erase("olga@example.com", as_json=True)
    assert json.loads(capsys.readouterr().out)["memberships"] == 1
    rewrap_keys(as_json=True)
    assert json.loads(capsys.readouterr().out)["rewrapped"] == 0
    export("olga@example.com")
    assert json.loads(capsys.readouterr().out)["memberships"] == []
