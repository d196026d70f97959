# SPDX-License-Identifier: Apache-2.0
"""``vestibule anonymous``: an operator holds an event, and is told what is missing where there is no ring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.rings import make_store, name_store

pytestmark = pytest.mark.covers("INT-05", "TOK-07")
LATER = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
CREATE = ("anonymous", "create", "acme", "--name", "Vote", "--closes-at", LATER)


@pytest.fixture
def ringed(deployed: dict[str, str], tmp_path: Path) -> dict[str, str]:
    make_store(tmp_path / "ring")
    return {**deployed, **name_store(tmp_path / "ring")}


def test_an_event_is_held_shown_invited_to_and_closed(run: Run, ringed: dict[str, str]) -> None:
    made = run(*CREATE, "--min-set-size", "5", "--json", settings=ringed)
    assert made.status == 0, made.err
    event = made.document
    assert (event["state"], event["min_set_size"], len(event["thumbprint"])) == ("collecting", 5, 64)
    shown = run("anonymous", "show", "acme", event["event_id"], settings=ringed)
    assert event["thumbprint"] in shown.out
    listed = run("anonymous", "list", "acme", "--json", settings=ringed).document["items"]
    assert [one["event_id"] for one in listed] == [event["event_id"]]
    invite = ("invite", "acme", "vera@example.com", "--role", "member", "--as", "olivia")
    invited = run(*invite, "--grant", f"{event['resource_id']}=member", settings=ringed)
    assert invited.status == 0, invited.err
    closed = run("anonymous", "close", "acme", event["event_id"], "--json", settings=ringed)
    assert (closed.status, closed.document["state"]) == (0, "closed")
    again = run("anonymous", "close", "acme", event["event_id"], settings=ringed)
    assert (again.status, "event_over" in again.err) == (1, True)


def test_without_a_key_ring_it_says_what_to_set_and_a_wrong_time_is_named(
    run: Run, deployed: dict[str, str], ringed: dict[str, str]
) -> None:
    missing = run(*CREATE, settings=deployed)
    assert (missing.status, "VESTIBULE_KEYRING" in missing.err) == (1, True)
    past = run(*CREATE[:-1], "2020-01-01T00:00:00Z", settings=ringed)
    assert (past.status, "closes_at" in past.err) == (2, True)
    assert run("anonymous", "list", "acme", "--json", settings=ringed).document["items"] == []
    assert run("anonymous", "show", "acme", "nothing", settings=ringed).status == 1
