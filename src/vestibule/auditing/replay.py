# SPDX-License-Identifier: Apache-2.0
"""The events told again: what they say there must be, against the tables that the service works by.

A log that is whole does not help when somebody writes beside it: an invitation's role, a membership. So
every row must be explained by events, and every event must have left its row.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vestibule.auditing.findings import Report
from vestibule.core.log.export import Row
from vestibule.core.log.leaf import EventLeaf

ENDS: Mapping[str, tuple[str, ...]] = {
    "consumed_at": ("invitation.accepted",),
    "declined_at": ("invitation.declined",),
    "revoked_at": ("invitation.revoked", "invitation.superseded"),
    "expired_at": ("invitation.expired",),
}
_BEGINNINGS = ("invitation.issued", "invitation.held")
_GONE = ("membership.removed", "membership.ended")
Told = Sequence[tuple[int | None, EventLeaf]]


@dataclass(frozen=True, slots=True)
class _Member:
    """What the events say of one membership."""

    role: str
    seq: int | None


def replay(events: Told, tables: Mapping[str, Sequence[Row]], report: Report) -> None:
    """Each table in turn; *events* in their order."""
    _Invitations(events, tables["invitations"], report).check()
    _check_memberships(events, tables, report)
    _check_grants(events, tables, report)
    _check_approvals(events, tables["approvals"], report)
    _check_policies(events, tables["policies"], report)


class _Invitations:
    def __init__(self, events: Told, rows: Sequence[Row], report: Report) -> None:
        self._rows = {str(row["invitation_id"]): row for row in rows}
        self._report = report
        self._counted = Counter((event.kind, event.invitation_id) for _, event in events)
        # A leaked link that nobody mails again is cut off by a new generation.
        self._cut = Counter(
            event.invitation_id
            for _, event in events
            if event.kind == "token.leak_reported" and event.body.get("outcome") == "cut"
        )
        self._last: dict[tuple[str, str | None], tuple[int | None, EventLeaf]] = {}
        for seq, event in events:
            self._last[event.kind, event.invitation_id] = (seq, event)

    def check(self) -> None:
        for invitation_id, row in self._rows.items():
            self._check_beginning(invitation_id, row)
            self._check_end(invitation_id, row)
        for (kind, told_id), (seq, _) in self._last.items():
            if kind in _BEGINNINGS and str(told_id) not in self._rows:
                self._report.find(f"invitation {told_id} has an event ({kind}) and no row", seq)

    def _check_beginning(self, invitation_id: str, row: Row) -> None:
        begun = [found for kind in _BEGINNINGS if (found := self._last.get((kind, invitation_id)))]
        if not begun:
            self._report.find(f"invitation {invitation_id} has a row, and no event issued or held it")
        for seq, event in begun:
            role = event.body.get("role")
            if role != row["role"]:
                self._report.find(
                    f"invitation {invitation_id} was for {role}, its row says {row['role']}", seq
                )
        was_held, was_issued = (self._counted[kind, invitation_id] > 0 for kind in _BEGINNINGS[::-1])
        if was_held != (row["held_at"] is not None):
            self._report.find(f"invitation {invitation_id}: events and row differ on whether it was held")
        if begun and was_issued != (row["held_at"] is None or row["approved_at"] is not None):
            self._report.find(f"invitation {invitation_id}: events and row differ on whether it was approved")
        renewed = self._counted["invitation.resent", invitation_id] + self._cut[invitation_id]
        if renewed != row["generation"] - 1:
            self._report.find(
                f"invitation {invitation_id} was renewed {renewed} times, its row says otherwise"
            )

    def _check_end(self, invitation_id: str, row: Row) -> None:
        for column, kinds in ENDS.items():
            ended = sum(self._counted[kind, invitation_id] for kind in kinds)
            seq = next(
                (self._last[kind, invitation_id][0] for kind in kinds if self._counted[kind, invitation_id]),
                None,
            )
            word = column.removesuffix("_at")
            if ended > 1:
                self._report.find(f"invitation {invitation_id} was {word} {ended} times", seq)
            elif ended and row[column] is None:
                self._report.find(f"invitation {invitation_id} was {word} by its event, its row is not", seq)
            elif not ended and row[column] is not None:
                self._report.find(f"invitation {invitation_id} is {word} by its row, and no event says so")
        accepted = self._last.get(("invitation.accepted", invitation_id))
        who = row["consumed_by_principal_id"]
        if accepted and who is not None and accepted[1].actor_id != who:
            self._report.find(
                f"invitation {invitation_id} was accepted by {accepted[1].actor_id}, its row says {who}",
                accepted[0],
            )


def _check_memberships(events: Told, tables: Mapping[str, Sequence[Row]], report: Report) -> None:
    """Each comes from one consumed grant of its own, or from an administrative act."""
    expected = _tell_members(events)
    consumed = {row["invitation_id"]: row["consumed_by_principal_id"] for row in tables["invitations"]}
    given: set[Any] = set()
    for row in tables["memberships"]:
        who, role, source = row["principal_id"], row["role"], row["invitation_id"]
        member = expected.pop(who, None)
        if member is None:
            report.find(f"the membership of {who} ({role}) comes from no event")
            continue
        if member.role != role:
            report.find(
                f"the membership of {who} was given as {member.role}, its row says {role}", member.seq
            )
        if source is not None and (consumed.get(source) != who or source in given):
            report.find(
                f"the membership of {who} names invitation {source}, which did not give it", member.seq
            )
        given.add(source)
    if expected and not tables["memberships"]:
        report.note("The export has no membership at all: the host keeps them, or somebody removed them.")
        return
    for who, member in expected.items():
        report.find(f"the membership of {who} ({member.role}) was given and its row is gone", member.seq)


def _tell_members(events: Told) -> dict[str, _Member]:
    members: dict[str, _Member] = {}
    for seq, event in events:
        body = event.body
        if event.kind == "membership.set":
            members[str(body["principal_id"])] = _Member(str(body["role"]), seq)
        elif event.kind == "invitation.accepted" and not body["kept_role"]:
            members[event.actor_id] = _Member(str(body["role"]), seq)
        elif event.kind in _GONE:
            members.pop(str(body["principal_id"]), None)
    return members


def _check_grants(events: Told, tables: Mapping[str, Sequence[Row]], report: Report) -> None:
    """A role on a resource comes from an invitation that its holder accepted, and has not ended."""
    accepted = {
        event.invitation_id: (seq, event) for seq, event in events if event.kind == "invitation.accepted"
    }
    ended: dict[tuple[str, str], int] = {}
    for place, (_, event) in enumerate(events):
        if event.kind == "grant.ended":
            ended[str(event.body["principal_id"]), str(event.body["resource_id"])] = place
    place_of = {event.event_id: place for place, (_, event) in enumerate(events)}
    for row in tables["grants"]:
        who, what, role = row["principal_id"], row["resource_id"], row["role"]
        seq, source = accepted.get(row["invitation_id"], (None, None))
        roles = [] if source is None else str(source.body["promised_roles"]).split()
        if source is None or source.actor_id != who or role not in roles:
            report.find(f"{who} is {role} of {what}, and accepted no invitation that gives it", seq)
        elif ended.get((who, what), -1) > place_of[source.event_id]:
            report.find(f"{who} is {role} of {what}, though that ended", seq)


def _check_approvals(events: Told, rows: Sequence[Row], report: Report) -> None:
    said = {
        (event.invitation_id, event.actor_id, event.body["digest"])
        for _, event in events
        if event.kind == "invitation.approved"
    }
    for row in rows:
        who, invitation_id = row["approver_principal_id"], row["invitation_id"]
        if (invitation_id, who, row["digest"]) not in said:
            report.find(f"{who} approved invitation {invitation_id} by the table, and no event says so")


def _check_policies(events: Told, rows: Sequence[Row], report: Report) -> None:
    """Each text is the one its hash names, and none that a decision names is missing."""
    known = {str(row["policy_hash"]): str(row["document"]) for row in rows}
    for name, document in known.items():
        if name != f"sha256:{hashlib.sha256(document.encode()).hexdigest()}":
            report.find(f"the policy {name} is not the text under that name")
    missing: dict[str, int | None] = {}
    for seq, event in events:
        # A proposal names what it would lead to; that text is kept when it is in force.
        named = None if event.kind == "policy.proposed" else event.body.get("policy_hash")
        if isinstance(named, str) and named not in known:
            missing.setdefault(named, seq)
    for named, seq in missing.items():
        report.find(f"the text of policy {named} is missing", seq)
