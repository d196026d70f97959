# SPDX-License-Identifier: Apache-2.0
"""``python -m vestibule.auditing``: files in, lines and an exit status out; no network, no database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.auditor import Audited
from tests.cli.terminal import environment
from tests.lanes import LaneKeeper
from tests.world import World
from vestibule.core.log.export import dump_export, parse_export
from vestibule.errors import InvalidRequestError

pytestmark = pytest.mark.covers("AUD-03")


@pytest.fixture
def audited(lanes: LaneKeeper, tmp_path: Path) -> Audited:
    audited = Audited(World(lanes.open("sqlite-plain")), tmp_path / "keys")
    audited.seal()
    return audited


def verify(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "vestibule.auditing", *words],
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_exit_status_tells_whole_different_and_unreadable_apart(audited: Audited, tmp_path: Path) -> None:
    export, policy = tmp_path / "acme.tar", tmp_path / "trust.policy"
    policy.write_text(f"log {audited.key_of(audited.log_key)}\nquorum none\n")
    export.write_bytes(dump_export(audited.export()))
    status, told = verify(str(export), "--policy", str(policy))
    assert (status, "sealed events verified." in told) == (0, True)
    audited.tamper("UPDATE vestibule_memberships SET role = 'owner' WHERE principal_id = 'mia'")
    export.write_bytes(dump_export(audited.export()))
    status, told = verify(str(export), "--policy", str(policy))
    assert (status, told.splitlines()[0]) == (
        1,
        "acme #3: the membership of mia was given as member, its row says owner",
    )
    export.write_bytes(b"nothing of the kind")
    assert verify(str(export))[0] == 2
    assert verify(str(tmp_path / "missing"))[0] == 2


@pytest.mark.covers("N08", "K06")
def test_N08_an_export_holds_no_address_no_token_and_no_hash_of_one(audited: Audited) -> None:
    world = audited.world
    issued = world.do(world.issue("hidden@example.com", message="A personal word"))
    audited.seal()
    data = dump_export(audited.export())
    assert issued.token is not None
    for secret in (b"@example.com", b"personal word", issued.token.claim_token_hash.hex().encode()):
        assert secret not in data
    assert issued.invitation.invitation_id.encode() in data


@pytest.mark.parametrize("data", [b"", b"x" * 10_240])
def test_what_is_no_export_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse_export(data)
