# SPDX-License-Identifier: Apache-2.0
"""What is true of every database after every step, whoever did what, however many at once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa

from vestibule.auditing.findings import Report
from vestibule.auditing.replay import replay
from vestibule.core.email import EmailAddress
from vestibule.core.log.leaf import event_leaf, parse_event_leaf
from vestibule.core.policy import NOTHING, OWNER, load_policy
from vestibule.core.policy.replay import DECISIONS, RecordedDecision, judge_again
from vestibule.core.privacy import is_sealed, is_tombstone
from vestibule.storage.exports import SqlExports
from vestibule.storage.schema import (
    audit_events,
    invitations,
    log_leaves,
    log_queue,
    memberships,
    outbox_messages,
    policy_documents,
    seat_shards,
    tenants,
)

Row = sa.RowMapping
_FINAL = ("consumed_at", "declined_at", "revoked_at", "expired_at")
_EVENTS_OF = {
    "consumed_at": ("invitation.accepted",),
    "declined_at": ("invitation.declined",),
    "revoked_at": ("invitation.revoked", "invitation.superseded"),
    "expired_at": ("invitation.expired",),
}


def check_invariants(connection: sa.Connection) -> list[str]:
    """Verify them all, when the dust has settled; the ids of the trail, by time."""
    world = _Facts(connection)
    world.check_final_states()
    world.check_memberships()
    world.check_open_targets()
    world.check_seats()
    world.check_owners()
    world.check_notices()
    world.check_decisions()
    world.check_approvals()
    return world.list_trail()


def check_replay(connection: sa.Connection) -> None:
    """An auditor finds every row explained by the events, and every event in the rows (AUD-03)."""
    sealed = sa.select(log_leaves.c.event_id).order_by(log_leaves.c.tenant_id, log_leaves.c.seq)
    waiting = sa.select(log_queue.c.event_id).order_by(log_queue.c.place)
    order = [*connection.execute(sealed).scalars(), *connection.execute(waiting).scalars()]
    place = {event_id: number for number, event_id in enumerate(order)}
    exports = SqlExports(connection)
    documents = connection.execute(sa.select(policy_documents.c.policy_hash)).scalars().all()
    for tenant_id in connection.execute(sa.select(tenants.c.tenant_id)).scalars().all():
        events = sorted(exports.list_events(tenant_id), key=lambda event: place[event.record.event_id])
        leaves = [parse_event_leaf(event_leaf(event.record, event.occurred_at)) for event in events]
        report = Report(tenant_id)
        replay([(None, leaf) for leaf in leaves], exports.read_tables(tenant_id, documents), report)
        findings = [str(one) for one in report.findings]
        assert findings == [], findings


def is_open(invitation: Row) -> bool:
    return all(invitation[name] is None for name in _FINAL)


def _read_address(stored: str) -> EmailAddress | None:
    # Where addresses are sealed, or were erased, nothing is judged again that rests on them.
    return None if is_sealed(stored) or is_tombstone(stored) else EmailAddress(stored)


class _Facts:
    def __init__(self, connection: sa.Connection) -> None:
        def read(table: sa.Table) -> list[Row]:
            return list(connection.execute(sa.select(table)).mappings())

        self._tenants = read(tenants)
        self._members = read(memberships)
        self._invitations = read(invitations)
        self._shards = read(seat_shards)
        self._messages = read(outbox_messages)
        self._events = read(audit_events)
        self._documents = {row["policy_hash"]: row["document"] for row in read(policy_documents)}
        self._counted = Counter((row["kind"], row["invitation_id"]) for row in self._events)
        self._cut = Counter(
            row["invitation_id"]
            for row in self._events
            if row["kind"] == "token.leak_reported" and '"outcome":"cut"' in row["body"]
        )

    def check_final_states(self) -> None:
        """At most one final timestamp, and exactly the events that tell of it."""
        for row in self._invitations:
            invitation_id = row["invitation_id"]
            assert sum(row[name] is not None for name in _FINAL) <= 1
            was_held = row["held_at"] is not None
            assert self._counted["invitation.held", invitation_id] == was_held
            is_issued = not was_held or row["approved_at"] is not None
            assert self._counted["invitation.issued", invitation_id] == is_issued
            assert is_issued or row["consumed_at"] is None, "nobody gets in without approval"
            renewed = self._counted["invitation.resent", invitation_id] + self._cut[invitation_id]
            assert renewed == row["generation"] - 1
            for final, kinds in _EVENTS_OF.items():
                told = sum(self._counted[kind, invitation_id] for kind in kinds)
                assert told == (row[final] is not None), (final, told, dict(row))

    def check_memberships(self) -> None:
        """Each comes from one consumed grant of its own, or from an administrative act."""
        consumed = {
            row["invitation_id"]: (row["tenant_id"], row["consumed_by_principal_id"], row["role"])
            for row in self._invitations
            if row["consumed_at"] is not None
        }
        put = {
            (row["tenant_id"], body["principal_id"]): body["role"]
            for row, body in self._told("membership.set")
        }
        keys = [(row["tenant_id"], row["principal_id"]) for row in self._members]
        assert len(set(keys)) == len(keys)
        for key, row in zip(keys, self._members, strict=True):
            if row["invitation_id"] is None:
                assert key in put
            elif key not in put:
                assert consumed[row["invitation_id"]] == (*key, row["role"])
        grants = [row["invitation_id"] for row in self._members if row["invitation_id"] is not None]
        assert len(set(grants)) == len(grants)

    def check_open_targets(self) -> None:
        """At most one open invitation per target, so at most one link that can live."""
        targets = [
            (row["tenant_id"], row["invited_email"], row["target"])
            for row in self._invitations
            if is_open(row)
        ]
        assert len(set(targets)) == len(targets)

    def check_seats(self) -> None:
        """The ledger says what there is; no part of it has room while another is over."""
        for tenant in self._tenants:
            tenant_id, policy = tenant["tenant_id"], load_policy(NOTHING, tenant["policy"])
            shards = [row for row in self._shards if row["tenant_id"] == tenant_id]
            reserved = sum(
                row["has_reservation"] and is_open(row)
                for row in self._invitations
                if row["tenant_id"] == tenant_id
            )
            if policy.seat_limit is None:
                assert not shards
                assert reserved == 0
                continue
            members = sum(row["tenant_id"] == tenant_id for row in self._members)
            assert sum(row["allowance"] for row in shards) == policy.seat_limit
            assert sum(row["used"] for row in shards) == members + reserved
            over = any(row["used"] > row["allowance"] for row in shards)
            free = any(row["used"] < row["allowance"] for row in shards)
            assert not (over and free)

    def check_owners(self) -> None:
        """A tenant that ever had an owner has one, though perhaps without force."""
        owned = {row["tenant_id"] for row, body in self._told("membership.set") if body["role"] == OWNER}
        lasting = {
            row["tenant_id"] for row in self._members if row["role"] == OWNER and row["expires_at"] is None
        }
        assert owned <= lasting

    def check_notices(self) -> None:
        """The inviter hears once of what the invitee did, and of nothing else."""
        heard = Counter(
            (row["kind"], json.loads(row["payload"])["invitation_id"])
            for row in self._messages
            if row["kind"] in ("accepted_notice", "declined_notice")
        )
        for row in self._invitations:
            invitation_id = row["invitation_id"]
            assert heard["accepted_notice", invitation_id] == (row["consumed_at"] is not None)
            assert heard["declined_notice", invitation_id] == (row["declined_at"] is not None)

    def check_decisions(self) -> None:
        """Each is explained by the text of the policy that it names, and by no other (TEN-02)."""
        address_of = {row["invitation_id"]: row["invited_email"] for row in self._invitations}
        for kind in DECISIONS:
            for row, facts in self._told(kind):
                policy = load_policy(NOTHING, self._documents[facts["policy_hash"]])
                decision = RecordedDecision(
                    event_id=row["event_id"],
                    tenant_id=row["tenant_id"],
                    kind=kind,
                    invitation_id=row["invitation_id"],
                    occurred_at=row["occurred_at"],
                    address=_read_address(address_of[row["invitation_id"]]),
                    facts=facts,
                )
                # Stories move the times of rows, but not those within a policy's text.
                if policy.event is None:
                    verdict = judge_again(policy, decision)
                    assert verdict.outcome in ("allowed", "held"), verdict
                    assert (verdict.outcome == "held") <= facts["was_held"]
                    assert verdict.lifetime == facts.get("lifetime")

    def check_approvals(self) -> None:
        """By the trail alone: nothing was issued before as many others approved the same as policy wants."""
        inviters = {row["invitation_id"]: row["actor_id"] for row, _ in self._told("invitation.held")}
        given = self._told("invitation.approved")
        waited = {row["invitation_id"] for row, _ in self._told("invitation.waited_for")}
        for row, facts in self._told("invitation.issued"):
            policy = load_policy(NOTHING, self._documents[facts["policy_hash"]])
            needed = max(
                (policy.rule_of(role).approvals for role in facts["promised_roles"].split()), default=0
            )
            if not needed or row["invitation_id"] in waited:
                continue
            approvers: dict[str, set[str]] = {}
            for approved, said in given:
                is_before = approved["occurred_at"] <= row["occurred_at"]
                if approved["invitation_id"] == row["invitation_id"] and is_before:
                    approvers.setdefault(said["digest"], set()).add(approved["actor_id"])
            others = (names - {inviters[row["invitation_id"]]} for names in approvers.values())
            assert max(map(len, others), default=0) >= needed, (dict(row), approvers)

    def list_trail(self) -> list[str]:
        """The ids of all events, by time."""
        return [row["event_id"] for row in sorted(self._events, key=lambda row: row["occurred_at"])]

    def _told(self, kind: str) -> list[tuple[Row, dict[str, Any]]]:
        return [(row, json.loads(row["body"])) for row in self._events if row["kind"] == kind]
