# SPDX-License-Identifier: Apache-2.0
"""What an administrator does beside inviting: approvals, corrections, resources, reviews, events."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from tests.cli.conftest import Run

pytestmark = pytest.mark.covers("INT-05")
ROLES = {
    "assignable": {"owner": ["owner", "admin", "member", "oncall"], "admin": ["member"], "oncall": ["prod"]}
}
RULES = {
    "admin": {"approvals": 1},
    "prod": {"grant_default": 3600, "grant_max": 7200, "justification": True, "review_within": 86_400},
}
Ask = Callable[..., Any]


@pytest.fixture
def ask(run: Run, deployed: dict[str, str], tmp_path: Path) -> Ask:
    """A command's document; with ``status`` its complaint."""
    policy = tmp_path / "policy.json"

    def type_in(*words: str, status: int = 0, document: object = None) -> Any:
        if document is not None:
            policy.write_text(json.dumps(document))
            words = (*words, "--policy", str(policy))
        outcome = run(*words, *(() if status else ("--json",)), settings=deployed)
        assert outcome.status == status, outcome.err
        assert "Traceback" not in outcome.err
        return outcome.err if status else json.loads(outcome.out)

    type_in("tenant", "put", "acme", "--name", "Acme", document={**ROLES, "roles": RULES})
    for name, role in (("otto", "owner"), ("onna", "oncall")):
        type_in("member", "put", "acme", name, "--role", role, "--email", f"{name}@acme.example")
    return type_in


@pytest.mark.covers("ISS-04")
def test_a_held_invitation_is_shown_and_approved_by_somebody_else(ask: Ask) -> None:
    held = ask("invite", "acme", "ann@example.com", "--role", "admin", "--as", "olivia")
    one = ("acme", held["invitation_id"], "--as")
    assert held["state"] == "held"
    assert [found["email"] for found in ask("invitations", "held", "acme", "--as", "otto")["items"]] == [
        "ann@example.com"
    ]
    shown = ask("invitations", "approval", *one, "otto")
    assert (shown["objection"], shown["approvals_needed"], shown["approvals_counted"]) == (None, 1, 0)
    assert "not_permitted" in ask("invitations", "approve", *one, "olivia", status=1)
    assert "digest_mismatch" in ask(
        "invitations", "approve", *one, "otto", "--digest", "sha256:" + "0" * 64, status=1
    )
    done = ask("invitations", "approve", *one, "otto", "--digest", shown["digest"])
    assert (done["state"], done["approvals_counted"]) == ("pending", 1)
    assert ask("invitations", "held", "acme", "--as", "otto")["items"] == []


@pytest.mark.covers("ISS-04")
def test_one_rejection_closes_a_held_invitation(ask: Ask) -> None:
    held = ask("invite", "acme", "ann@example.com", "--role", "admin", "--as", "olivia")
    assert ask("invitations", "reject", "acme", held["invitation_id"], "--as", "otto")["state"] == "revoked"
    assert "not_pending" in ask(
        "invitations", "approve", "acme", held["invitation_id"], "--as", "otto", status=1
    )


@pytest.mark.covers("ISS-19")
def test_a_mistyped_address_is_corrected(ask: Ask) -> None:
    wrong = ask("invite", "acme", "an@example.com", "--role", "member", "--as", "olivia")
    right = ask("invitations", "correct", "acme", wrong["invitation_id"], "ann@example.com", "--as", "olivia")
    assert (right["email"], right["corrects_id"]) == ("ann@example.com", wrong["invitation_id"])
    shown = ask("invitations", "show", "acme", wrong["invitation_id"], "--as", "olivia")
    assert (shown["state"], shown["revoked_reason"]) == ("revoked", "superseded")


@pytest.mark.covers("ISS-17")
def test_ensuring_twice_is_ensuring_once_and_drift_is_told(ask: Ask) -> None:
    wanted = ("invitations", "ensure", "acme", "ann@example.com", "--role", "member", "--as", "olivia")
    first, second = ask(*wanted), ask(*wanted)
    assert (first["outcome"], second["outcome"]) == ("invited", "pending")
    assert (first["ensured_id"], first["invitation_id"]) == (second["ensured_id"], second["invitation_id"])
    ask("member", "put", "acme", "ann", "--role", "admin", "--email", "ann@example.com")
    third = ask(*wanted)
    assert (third["outcome"], third["drift"]) == (
        "member",
        [{"field": "role", "wanted": "member", "actual": "admin"}],
    )


@pytest.mark.covers("ISS-18", "LIF-05")
def test_grants_on_resources_break_glass_and_its_review(ask: Ask) -> None:
    assert ask("resource", "put", "acme", "db/prod", "--name", "Production")["is_new"] is True
    assert [one["resource_id"] for one in ask("resource", "list", "acme")["items"]] == ["db/prod"]
    promise = ("invite", "acme", "onna@acme.example", "--grant", "db/prod=prod:30m", "--as", "onna")
    assert "--grant" in ask(*promise[:4], "db/prod", "--as", "onna", status=2)
    assert "/justification" in ask(*promise, status=2)
    taken = ask(*promise, "--justification", "The disk is full")
    assert taken["grants"] == [{"resource_id": "db/prod", "role": "prod", "expires_in": 1800}]
    assert (taken["state"], taken["justification"]) == ("pending", "The disk is full")
    [review] = ask("review", "list", "acme", "--as", "olivia")["items"]
    close = ("review", "close", "acme", review["invitation_id"], "--note", "Right", "--as")
    assert "not_p" in ask(*close, "onna", status=1)
    assert ask(*close, "olivia")["reviewer_principal_id"] == "olivia"
    assert ask("review", "list", "acme", "--as", "olivia")["items"] == []
    assert ask("member", "grants", "acme", "onna")["items"] == []
    assert ask("resource", "remove", "acme", "db/prod")["resource_id"] == "db/prod"
    shown = ask("invitations", "show", "acme", taken["invitation_id"], "--as", "olivia")
    assert shown["revoked_reason"] == "resource_deleted"


@pytest.mark.covers("LIF-05")
def test_a_membership_is_promised_with_its_start_and_its_length(ask: Ask) -> None:
    words = ("invite", "acme", "ann@example.com", "--role", "member", "--as", "olivia", "--starts")
    issued = ask(*words, "2035-01-31T13:00:00+01:00", "--lasts", "90d")
    assert (issued["membership_starts_at"], issued["membership_expires_in"]) == (
        "2035-01-31T12:00:00Z",
        7_776_000,
    )
    assert "--starts" in ask(*words, "2035-01-31T12:00:00", status=2)
    assert "--starts" in ask(*words, "soon", status=2)


@pytest.mark.covers("TEN-05")
def test_an_events_attendance_and_calendar_are_printed(ask: Ask, run: Run, deployed: dict[str, str]) -> None:
    assert "not_found" in ask("event", "calendar", "acme", status=1)
    event = {"name": "Opening", "starts_at": "2040-06-01T18:00:00Z", "ends_at": "2040-06-01T23:00:00Z"}
    ask("tenant", "put", "acme", "--name", "Acme", document={**ROLES, "event": event})
    ask("invite", "acme", "=ann@example.com", "--role", "member", "--as", "olivia")
    assert [one["state"] for one in ask("event", "attendance", "acme")["items"]] == ["pending"]
    heads, row = csv.reader(io.StringIO(run("event", "attendance", "acme", "--csv", settings=deployed).out))
    assert (heads[0], row[0], row[3]) == ("email", "'=ann@example.com", "pending")
    told = run("event", "attendance", "acme", settings=deployed).out
    assert told.rstrip().endswith("1 invited: 1 pending.")
    [entry] = Calendar.from_ical(run("event", "calendar", "acme", settings=deployed).out).events
    assert (entry["summary"], str(entry.start)) == ("Opening", "2040-06-01 18:00:00+00:00")
    assert "BEGIN:VCALENDAR" in ask("event", "calendar", "acme")["calendar"]
    assert run("event", "attendance", "acme", "--csv", "--json", settings=deployed).status == 2
