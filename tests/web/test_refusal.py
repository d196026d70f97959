# SPDX-License-Identifier: Apache-2.0
"""The refusal: one status, one body, one set of headers, the same statements, whatever the reason."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

import httpx2
import pytest
import sqlalchemy as sa

from tests.web.harness import World
from tests.web.refusals import CASES, SHOWN, Case, live
from vestibule.actions.invitations.accept import accept
from vestibule.actions.invitations.decline import decline
from vestibule.core.email import EmailAddress
from vestibule.core.identity import RequestContext, VerifiedAddress, VerifiedIdentity
from vestibule.core.limits import Limits
from vestibule.core.token import parse_claim_token
from vestibule.errors import ClaimRejectedError
from vestibule.ports import ClaimKey
from vestibule.storage.runners import PlainRunner
from vestibule.storage.schema import audit_events

REFUSAL = (
    b'{"type": "about:blank", "title": "This invitation is invalid or no longer valid.", "status": 404, '
    b'"code": "invitation_unavailable", "request_id": "ID"}'
)
_REQUEST_ID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CLASSES = sorted(CASES)
# The malformed never reach the database; the last seat is looked for by the right person only.
JUDGED = sorted(set(CASES) - {"malformed", "no_seat"})


def strip(answer: httpx2.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Everything that went over the wire, in order, but for the request id and the date."""
    body = _REQUEST_ID.sub(b"ID", answer.content)
    headers = [
        (name, value) for name, value in answer.headers.multi_items() if name not in {"date", "x-request-id"}
    ]
    return answer.status_code, body, headers


def verbs_and(names: Iterable[str]) -> list[tuple[str, str]]:
    """Every class for both verbs; declining needs no seat, so that class is accept's alone."""
    return [
        (verb, name)
        for name in names
        for verb in ("accept", "decline")
        if (verb, name) != ("decline", "no_seat")
    ]


def expected_headers(world: World) -> list[tuple[str, str]]:
    return strip(world.call("POST", "/v1/invitations/x/accept", world.new_person()))[2]


@pytest.mark.covers(
    "N01", "ACC-07", "A01", "B08", "B10", "B11", "B13", "D08", "E01", "E02", "E03", "E08", "S01", "S02", "LIF-03"
)  # fmt: skip
@pytest.mark.parametrize(("verb", "name"), verbs_and(CLASSES))
def test_N01_every_failed_claim_is_the_same_to_the_byte(world: World, name: str, verb: str) -> None:
    case = CASES[name](world)
    answer = world.call("POST", f"/v1/invitations/{case.token}/{verb}", case.claimant)
    assert strip(answer) == (404, REFUSAL, expected_headers(world))
    if name not in {"consumed_by_me", "deleted"}:
        assert not world.has_member(case.tenant_id, case.claimant)


@pytest.mark.covers("N01", "ACC-07", "TOK-06")
@pytest.mark.parametrize(("verb", "name"), verbs_and(sorted(set(CASES) - {"rotated"})))
def test_N01_the_road_without_a_link_refuses_in_the_same_bytes(world: World, name: str, verb: str) -> None:
    case = CASES[name](world)
    answer = world.call("POST", f"/v1/me/invitations/{case.invitation_id}/{verb}", case.claimant)
    assert strip(answer) == (404, REFUSAL, expected_headers(world))


@pytest.mark.covers("N01", "A12", "B10", "E09", "ACC-01")
@pytest.mark.parametrize("name", CLASSES)
def test_N01_the_preview_of_what_is_dead_is_the_same_refusal(world: World, name: str) -> None:
    case = CASES[name](world)
    seen = [world.call("GET", f"/v1/invitations/{case.token}", who) for who in (None, world.new_person())]
    for answer in seen:
        if name in SHOWN:
            assert answer.status_code == 200
        else:
            assert strip(answer) == (404, REFUSAL, expected_headers(world))


@pytest.mark.covers("N01", "ISS-20")
@pytest.mark.parametrize("verb", ["block", "report"])
@pytest.mark.parametrize("name", sorted(set(CLASSES) - SHOWN))
def test_N01_blocking_and_reporting_by_a_dead_link_is_the_same_refusal(
    world: World, name: str, verb: str
) -> None:
    case = CASES[name](world)
    for who in (None, world.new_person()):
        answer = world.call("POST", f"/v1/invitations/{case.token}/{verb}", who)
        assert strip(answer) == (404, REFUSAL, expected_headers(world))


@pytest.mark.covers("ACC-08", "A01")
def test_a_hundred_wrong_tries_never_burn_the_token(world: World) -> None:
    case = live(world)
    mallory = world.new_person("mallory")
    for _ in range(100):
        assert world.call("POST", f"/v1/invitations/{case.token}/accept", mallory).status_code == 404
    assert world.call("POST", f"/v1/invitations/{case.token}/accept", case.claimant).status_code == 204


@pytest.mark.covers("ACC-08")
@pytest.mark.parametrize("name", ["wrong_connection", "no_seat", "domain_refused", "inviter_not_entitled"])
def test_a_refusal_for_a_passing_reason_leaves_the_invitation_pending(world: World, name: str) -> None:
    case = CASES[name](world)
    road = f"/v1/invitations/{case.token}/accept"
    assert world.call("POST", road, case.claimant).status_code == 404
    world.put_policy(case.tenant_id)
    assert world.call("POST", road, case.claimant).status_code == 204
    assert world.has_member(case.tenant_id, case.claimant)


@pytest.mark.covers("AUD-01", "N01")
@pytest.mark.parametrize(
    "name,reason",
    [
        ("expired", "expired"),
        ("revoked", "revoked"),
        ("declined", "declined"),
        ("consumed_by_me", "consumed"),
        ("consumed_by_other", "consumed"),
        ("wrong_account", "wrong_recipient"),
        ("deleted", "revoked"),
        ("inviter_not_entitled", "inviter_not_entitled"),
        ("role_gone", "role_gone"),
        ("domain_refused", "domain_not_allowed"),
        ("wrong_connection", "wrong_connection"),
        ("no_seat", "no_seat"),
        ("offboarded", "principal_offboarded"),
    ],
)
def test_the_trail_keeps_the_true_reason(world: World, name: str, reason: str) -> None:
    case = CASES[name](world)
    answer = world.call("POST", f"/v1/me/invitations/{case.invitation_id}/accept", case.claimant)
    wanted = sa.select(audit_events.c.body, audit_events.c.kind).where(
        audit_events.c.correlation_id == answer.headers["x-request-id"],
        audit_events.c.kind != "invitation.bound",
    )
    (row,) = world.rows(wanted)
    assert row.kind == "claim.rejected"
    assert f'"{reason}"' in row.body


@pytest.mark.covers("N01", "N02", "ACC-07")
@pytest.mark.parametrize("action", [accept, decline], ids=["accept", "decline"])
def test_every_judged_refusal_runs_the_same_statements_in_the_same_order(
    world: World, action: object
) -> None:
    cases = {name: CASES[name](world) for name in JUDGED}
    recorded = {name: record_statements(world, case, action) for name, case in cases.items()}
    assert set(recorded.values()) == {recorded["unknown"]}
    assert recorded["unknown"]


def record_statements(world: World, case: Case, action: object) -> tuple[str, ...]:
    """The text of every statement that this refusal executes."""
    seen: list[str] = []

    def note(_c: object, _k: object, statement: str, _p: object, _x: object, _m: object) -> None:
        seen.append(statement)

    identity = VerifiedIdentity(
        principal_id=case.claimant.principal_id,
        addresses=tuple(
            VerifiedAddress(address=EmailAddress.parse_claim(email), evidence="host")
            for email in case.claimant.emails
        ),
        connection=case.claimant.extra.get("connection"),
    )
    key = ClaimKey(claim_token_hash=parse_claim_token(case.token).claim_token_hash)
    context = RequestContext(correlation_id="recorded", ip="192.0.2.1", source="api")
    sa.event.listen(world.engine, "before_cursor_execute", note)
    try:
        with pytest.raises(ClaimRejectedError):
            PlainRunner(world.engine).run(action, identity, key, context=context, limits=Limits())  # type: ignore[arg-type]
    finally:
        sa.event.remove(world.engine, "before_cursor_execute", note)
    return tuple(seen)


@pytest.mark.covers("ACC-07", "N02")
@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=False)
def test_no_refusal_comes_before_its_deadline_on_either_road(make_world: object, engine_name: str) -> None:
    world: World = make_world({"REFUSAL_FLOOR_MS": "200"})  # type: ignore[operator]
    who = world.new_person()
    for road in ("/v1/invitations/x/accept", "/v1/me/invitations/x/accept", "/v1/me/invitations/x/decline"):
        started = time.monotonic()
        assert world.call("POST", road, who).status_code == 404
        assert time.monotonic() - started >= 0.2


@pytest.mark.covers("A03", "A17")
@pytest.mark.parametrize("verb", ["accept", "decline"])
def test_A03_an_address_that_is_not_verified_opens_nothing_and_is_decided_before_the_token(
    world: World, verb: str
) -> None:
    case = live(world)
    claimant = case.claimant
    bare = type(claimant)(principal_id=world.fresh("x"), unverified=claimant.emails)
    roads = [case.token, "vst_unknown"]
    answers = [world.call("POST", f"/v1/invitations/{token}/{verb}", bare) for token in roads]
    answers += [
        world.call("POST", f"/v1/me/invitations/{one}/{verb}", bare) for one in (case.invitation_id, "x")
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "email_unverified")}
    assert world.call("GET", "/v1/me/invitations", bare).json()["code"] == "email_unverified"
    other = type(claimant)(
        principal_id=world.fresh("x"), emails=("x@example.com",), unverified=claimant.emails
    )
    assert world.call("POST", f"/v1/invitations/{case.token}/{verb}", other).status_code == 404
    assert world.call("POST", f"/v1/invitations/{case.token}/{verb}", claimant).status_code == 204
