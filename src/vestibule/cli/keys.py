# SPDX-License-Identifier: Apache-2.0
"""``vestibule keys``: the key ring. Only ``create`` makes a key store, and only where there is none."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from vestibule.actions.keys.show_ring import show_ring
from vestibule.actions.keys.turn_keys import compromise_key, create_key, list_keys, rotate_key
from vestibule.cli.doctor.finding import Verdict
from vestibule.cli.doctor.keys import check_keys
from vestibule.cli.printing import AsJson, moment, show, table
from vestibule.cli.running import OPERATOR, Desk, open_desk
from vestibule.core.key_documents import (
    dump_canonical,
    join_signature,
    make_key_set,
    make_schedule,
    make_signing_input,
    stamp_schedule,
)
from vestibule.core.keys import KeyRecord, KeySchedule, KeyState, Purpose
from vestibule.errors import ConfigurationError, FieldFault, InvalidRequestError, KeyMissingError
from vestibule.keyring import has_key_store, make_key_store, make_provider
from vestibule.ports import KeyProvider
from vestibule.settings import Settings

KEY_SET_FILE = "jwks.json"
SCHEDULE_FILE = "invitation-keys.json"
_PURPOSES = [purpose.value for purpose in Purpose]
_REASON_MAX = 500
app = typer.Typer(help="Keys: versions by purpose, rotation, and what is published.", no_args_is_help=True)
PurposeName = Annotated[
    str, typer.Argument(metavar="PURPOSE", help=f"One of {', '.join(_PURPOSES)}.", show_default=False)
]


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List every key with its state, by purpose, the oldest first; never a private half."""
    with open_desk(opens_addresses=False) as desk:
        shown = [_describe(key, state) for key, state in desk.runner.read(list_keys, OPERATOR)]
    heads = ("key", "purpose", "algorithm", "state", "created", "active", "verifies until")
    names = ("key_id", "purpose", "algorithm", "state", "created_at", "active_at", "verify_until")
    rows = [tuple(one[name] for name in names) for one in shown]
    show({"items": shown}, table(heads, rows), as_json=as_json)


@app.command("create")
def create(
    purpose: Annotated[
        str | None, typer.Argument(metavar="[PURPOSE]", help="Its next key; without: every first one.")
    ] = None,
    *,
    new_store: Annotated[
        bool, typer.Option("--new-store", help="Make a store although the database has keys: theirs is lost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make what is missing: the key store at VESTIBULE_KEYRING, and each purpose's first key.

    With PURPOSE: its next key. It is published at once, and in use after `vestibule keys rotate`.
    """
    wanted = None if purpose is None else _check_purpose(purpose)
    with open_desk(opens_addresses=False) as desk:
        is_new = wanted is None and _make_store(desk, is_lost=new_store)
        provider = _get_provider(desk.settings)
        purposes = [wanted] if wanted is not None else _list_missing(desk)
        made = [
            desk.runner.run(create_key, OPERATOR, name, provider=provider, context=desk.context)
            for name in purposes
        ]
        ring = desk.runner.read(show_ring)
    states = {key.key_id: key.state_at(ring.now) for key in ring.keys}
    shown = [_describe(key, states[key.key_id]) for key in made]
    lines = [f"Key store made at {desk.settings.keyring}: back it up with its secret, apart."] * is_new
    lines += [f"Key {one['key_id']} for {one['purpose']} is {one['state']}." for one in shown]
    document = {"is_store_new": is_new, "items": shown}
    show(document, lines or ["Nothing was missing."], as_json=as_json)


@app.command("rotate")
def rotate(
    purpose: PurposeName,
    *,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Make one if none is pending, and don't wait for caches.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put the pending key in use. What the old one signed still verifies until its time.

    A secret's next key is made on the spot: nobody has to know it before.
    """
    name = _check_purpose(purpose)
    with open_desk(opens_addresses=False) as desk:
        provider = _get_provider(desk.settings)
        about: dict[str, Any] = {"provider": provider, "schedule": KeySchedule(), "context": desk.context}
        key = desk.runner.run(rotate_key, OPERATOR, name, at_once=at_once, **about)
    document = {"key_id": key.key_id, "purpose": key.purpose, "state": KeyState.ACTIVE.value}
    show(document, [f"Key {key.key_id} is in use for {key.purpose}."], as_json=as_json)


@app.command("compromise")
def compromise(
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")],
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands in the audit trail.")],
    as_json: AsJson = False,
) -> None:
    """Give a key up: nothing it signed counts from now on, and the next one is in use at once."""
    if not reason.strip() or len(reason) > _REASON_MAX or not reason.isprintable():
        raise InvalidRequestError(FieldFault("--reason", f"Give 1 to {_REASON_MAX} printable characters."))
    with open_desk(opens_addresses=False) as desk:
        provider = _get_provider(desk.settings)
        about: dict[str, Any] = {"provider": provider, "context": desk.context}
        successor = desk.runner.run(compromise_key, OPERATOR, key_id, reason.strip(), **about)
        ring = desk.runner.read(show_ring)
    [purpose] = [key.purpose for key in ring.keys if key.key_id == key_id]
    active = ring.find_active(purpose)
    told = f"Key {successor.key_id} is in use for {purpose}." if successor is not None else ""
    if active is None:
        told = f"Nothing is in use for {purpose}: the provider failed. Run `vestibule keys create {purpose}`."
    document = {
        "key_id": key_id,
        "purpose": purpose,
        "state": KeyState.COMPROMISED.value,
        "successor_key_id": None if successor is None else successor.key_id,
        "active_key_id": None if active is None else active.key_id,
    }
    show(document, [f"Key {key_id} is given up.", *([told] if told else [])], as_json=as_json)


@app.command("publish")
def publish(
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where the two files go.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Write the key set and the signed schedule to files, for a CDN: each whole or not at all."""
    schedule = KeySchedule()
    with open_desk(opens_addresses=False) as desk:
        provider = _get_provider(desk.settings)
        ring = desk.runner.read(show_ring)
        signer = ring.find_active(Purpose.SCHEDULE)
        if signer is None:
            raise KeyMissingError
        document = make_schedule(ring, schedule, issuer=desk.settings.public_url)
        text = make_signing_input(signer, stamp_schedule(document, ring.now, schedule))
        files = {
            KEY_SET_FILE: dump_canonical(make_key_set(ring, schedule)),
            SCHEDULE_FILE: join_signature(text, provider.sign(signer, text)),
        }
    _write_files(directory, files)
    paths = [str(directory / name) for name in files]
    show({"files": paths}, [f"Written: {path}" for path in paths], as_json=as_json)


@app.command("check")
def check(*, as_json: AsJson = False) -> None:
    """Use each private half once, and look for what is overdue or open to others. Exit status 1 if so."""
    with open_desk(opens_addresses=False) as desk:
        findings = list(check_keys(desk.settings))
    is_healthy = all(one.verdict is not Verdict.FAIL for one in findings)
    lines = table(
        ("", "check", "what was found"), [(one.verdict.value, one.check, one.detail) for one in findings]
    )
    lines += [f"{one.check}: {one.remedy}." for one in findings if one.remedy]
    show({"healthy": is_healthy, "checks": [asdict(one) for one in findings]}, lines, as_json=as_json)
    if not is_healthy:
        raise typer.Exit(1)


def _make_store(desk: Desk, *, is_lost: bool) -> bool:
    """Whether it was missing, and has been made; in the place of one that is lost by that word only."""
    if not desk.settings.keyring or has_key_store(desk.settings):
        return False
    if not is_lost and desk.runner.read(show_ring).keys:
        fault, remedy = "there is no key store, but the database has keys", "Restore it, or correct the path"
        raise ConfigurationError("VESTIBULE_KEYRING", fault, remedy)
    make_key_store(desk.settings)
    return True


def _get_provider(settings: Settings) -> KeyProvider:
    provider = make_provider(settings)
    if provider is None:
        raise ConfigurationError(
            "VESTIBULE_KEYRING",
            "is not set",
            "Name a directory for the key store, such as /etc/vestibule/keys",
        )
    return provider


def _list_missing(desk: Desk) -> list[str]:
    ring = desk.runner.read(show_ring)
    return [name for name in _PURPOSES if ring.find_active(name) is None]


def _check_purpose(text: str) -> str:
    if text not in _PURPOSES:
        raise InvalidRequestError(FieldFault("PURPOSE", f"Give one of {', '.join(_PURPOSES)}."))
    return text


def _write_files(directory: Path, files: dict[str, bytes]) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            draft = directory / f".{name}.new"
            draft.write_bytes(content)
            draft.replace(directory / name)
    except OSError as error:
        raise ConfigurationError(
            "DIRECTORY", f"can't be written ({type(error).__name__})", "Name one that you may write"
        ) from None


def _describe(key: KeyRecord, state: KeyState) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "purpose": key.purpose,
        "algorithm": key.algorithm.value,
        "provider": key.provider,
        "state": state.value,
        "created_at": moment(key.created_at),
        "active_at": moment(key.active_at),
        "replaced_at": moment(key.replaced_at),
        "verify_until": moment(key.verify_until),
        "compromised_at": moment(key.compromised_at),
    }
