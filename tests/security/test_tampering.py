# SPDX-License-Identifier: Apache-2.0
"""The attack matrix of CRYPTO.md 3.4: a database administrator, whom no trigger stops, changes what was.

Each test proves first that the untouched trail verifies, and then that the verifier names what was done.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.actions.trail import ORIGIN
from tests.auditor import Audited
from tests.lanes import Call, LaneKeeper
from tests.world import ADAM, HOST, MIA, OLGA, VERA, Link, World, key_in, key_of
from vestibule.actions.leaks.report_leak import report_leak
from vestibule.auditing.verify import verify_export
from vestibule.core.log.checkpoint import Checkpoint, parse_checkpoint
from vestibule.core.log.export import ProvedHead, TenantExport
from vestibule.core.log.leaf import TenantHead, parse_event_leaf
from vestibule.core.log.note import Note, NoteKey, SignatureType, parse_note, sign_text
from vestibule.core.log.tree import leaf_hash, prove_inclusion, root_of
from vestibule.core.log.trust import parse_trust
from vestibule.delivery.sealing import sign_note
from vestibule.storage.schema import audit_events, log_leaves, log_trees

pytestmark = pytest.mark.covers("AUD-03", "K08")


@pytest.fixture(params=["sqlite-plain", "postgresql-plain"])
def audited(request: pytest.FixtureRequest, lanes: LaneKeeper, tmp_path: Path) -> Audited:
    """An invitation issued and accepted, another revoked, a third pending; sealed in two rounds, signed."""
    audited = Audited(World(lanes.open(request.param)), tmp_path / "keys")
    world = audited.world
    audited.seal()
    issued = world.do(world.issue(VERA))
    world.do(world.accept(VERA, issued))
    dropped = world.do(world.issue("late@example.com"))
    world.do(world.revoke(dropped))
    world.do(world.issue("open@example.com", role="member"))
    audited.seal()
    assert audited.verify() == []
    return audited


def event_id(audited: Audited, kind: str) -> str:
    return str(audited.world.rows(audit_events, kind=kind)[-1]["event_id"])


def seq_of(audited: Audited, one: str) -> int:
    return int(audited.world.rows(log_leaves, event_id=one)[0]["seq"])


def test_K08_an_edited_event_is_named(audited: Audited) -> None:
    edited = event_id(audited, "invitation.accepted")
    audited.tamper("UPDATE vestibule_audit_events SET actor_id = 'mallory' WHERE event_id = :one", one=edited)
    found = audited.verify()
    assert (
        f"acme #{seq_of(audited, edited)}: event {edited} (invitation.accepted) is not what was sealed"
        in found
    )


def test_K08_an_event_edited_with_its_leaf_and_its_row_is_still_found(audited: Audited) -> None:
    edited = event_id(audited, "invitation.accepted")
    audited.tamper("UPDATE vestibule_audit_events SET actor_id = 'mia' WHERE event_id = :one", one=edited)
    changed = next(data for data in audited.export().events if parse_event_leaf(data).event_id == edited)
    audited.tamper(
        "UPDATE vestibule_log_leaves SET leaf_hash = :hash WHERE event_id = :one",
        "UPDATE vestibule_invitations SET consumed_by_principal_id = 'mia' WHERE consumed_at IS NOT NULL",
        one=edited,
        hash=leaf_hash(changed),
    )
    found = audited.verify()
    assert any("is not what was sealed: the tree of" in line for line in found)
    assert not any("was accepted by" in line for line in found)


def test_K08_a_deleted_event_is_missed_by_its_place(audited: Audited) -> None:
    deleted = event_id(audited, "invitation.revoked")
    seq = seq_of(audited, deleted)
    audited.tamper("DELETE FROM vestibule_audit_events WHERE event_id = :one", one=deleted)
    assert f"acme #{seq}: event {deleted} was sealed and is missing" in audited.verify()
    audited.tamper("DELETE FROM vestibule_log_leaves WHERE event_id = :one", one=deleted)
    assert any(line.startswith(f"acme #{seq}: the event is missing") for line in audited.verify())


def test_K08_an_inserted_event_is_told_from_the_sealed_ones(audited: Audited) -> None:
    invented = "00000000-0000-4000-8000-000000000000"
    columns = "tenant_id, invitation_id, kind, actor_id, correlation_id, source, body, occurred_at"
    body = '{"previous_role":null,"principal_id":"mallory","role":"owner"}'
    an_hour = "3600000" if audited.world.lane.is_sqlite else "interval '1 hour'"
    audited.tamper(
        f"INSERT INTO vestibule_audit_events (event_id, {columns}) "
        f"SELECT :one, tenant_id, NULL, 'membership.set', 'host', 'c', 'api', :body, occurred_at - {an_hour} "
        "FROM vestibule_audit_events WHERE kind = 'invitation.accepted'",
        one=invented,
        body=body,
    )
    assert f"acme: event {invented} (membership.set) was never sealed, and should have been long ago" in (
        audited.verify()
    )
    size = len(audited.world.rows(log_leaves, tenant_id="acme"))
    with_leaf = next(d for d in audited.export().events if parse_event_leaf(d).event_id == invented)
    audited.tamper(
        "UPDATE vestibule_log_leaves SET seq = seq + 1000 WHERE tenant_id = 'acme' AND seq >= 3",
        "INSERT INTO vestibule_log_leaves (tenant_id, seq, event_id, leaf_hash) VALUES ('acme', 3, :one, :hash)",
        "UPDATE vestibule_log_leaves SET seq = seq - 999 WHERE tenant_id = 'acme' AND seq >= 1000",
        one=invented,
        hash=leaf_hash(with_leaf),
    )
    assert len(audited.world.rows(log_leaves, tenant_id="acme")) == size + 1
    assert any("is not what was sealed: the tree of" in line for line in audited.verify())


def test_K08_two_events_in_another_order_are_found(audited: Audited) -> None:
    audited.tamper(
        "UPDATE vestibule_log_leaves SET seq = 1000 WHERE tenant_id = 'acme' AND seq = 5",
        "UPDATE vestibule_log_leaves SET seq = 5 WHERE tenant_id = 'acme' AND seq = 6",
        "UPDATE vestibule_log_leaves SET seq = 6 WHERE tenant_id = 'acme' AND seq = 1000",
    )
    assert any("is not what was sealed: the tree of" in line for line in audited.verify())


def test_K08_a_truncated_tail_is_missed(audited: Audited) -> None:
    erase(audited, "open@example.com")
    size = len(audited.export().leaves)
    first, second = audited.verify()
    assert first == f"acme #{size}: the event is missing: {size + 2} were sealed"
    assert second == f"acme #{size + 1}: the event is missing: {size + 2} were sealed"


def erase(audited: Audited, address: str) -> None:
    """An invitation with every trace of it outside of the log's own entries."""
    of_it = "(SELECT invitation_id FROM vestibule_invitations WHERE invited_email = :address)"
    events = f"(SELECT event_id FROM vestibule_audit_events WHERE invitation_id = {of_it})"
    audited.tamper(
        f"DELETE FROM vestibule_log_leaves WHERE event_id IN {events}",
        f"DELETE FROM vestibule_audit_events WHERE invitation_id = {of_it}",
        "DELETE FROM vestibule_invitations WHERE invited_email = :address",
        address=address,
    )


def test_K08_a_log_cut_back_to_an_older_checkpoint_fails_the_pin(audited: Audited) -> None:
    pinned = audited.newest()
    audited.world.do(audited.world.issue("later@example.com"))
    newest = audited.seal()
    assert audited.verify(pin=pinned) == []
    assert audited.verify(pin=newest) == []
    size = parse_checkpoint(parse_note(pinned).text).size
    erase(audited, "later@example.com")
    audited.tamper(
        "DELETE FROM vestibule_checkpoints WHERE size > :size",
        "DELETE FROM vestibule_log_entries WHERE position >= :size",
        size=size,
    )
    # Without a pin it is a log like any other, only smaller.
    assert audited.verify() == []
    grown = parse_checkpoint(parse_note(newest).text).size
    assert audited.verify(pin=newest) == [f"acme: the log was cut back: it had {grown} leaves and has {size}"]


def test_K08_a_log_rewritten_with_the_stolen_key_fails_pin_and_quorum(audited: Audited) -> None:
    pinned = audited.newest()
    audited.cosign()
    honest = audited.export(pin=pinned)
    assert verify_export(honest, trust=audited.trust(quorum=True), pin=pinned).findings == []
    forged = forge(audited, honest)
    # Nothing within it is wrong: who has the key can write any history.
    assert [str(one) for one in verify_export(forged, trust=audited.trust()).findings] == []
    assert [str(one) for one in verify_export(forged, trust=audited.trust(quorum=True)).findings] == [
        f"acme: the checkpoint of {len(forged.heads)} leaves lacks the quorum w"
    ]
    [finding] = verify_export(forged, trust=audited.trust(), pin=pinned).findings
    assert "cut back" in finding.what or "rewritten" in finding.what or "no proof" in finding.what
    size = parse_checkpoint(parse_note(pinned).text).size
    padded = forge(audited, honest, size=size)
    [finding] = verify_export(padded, trust=audited.trust(), pin=pinned).findings
    assert finding.what == f"the log was rewritten: its first {size} leaves are not the pinned ones"


def forge(audited: Audited, honest: TenantExport, size: int = 1) -> TenantExport:
    """Mallory instead of Vera, from the first leaf to the last, signed with the log's own key."""
    events = [data.replace(b'"actor":"vera"', b'"actor":"mallory"') for data in honest.events]
    hashes = {parse_event_leaf(data).event_id: leaf_hash(data) for data in events}
    leaves = [replace(leaf, leaf_hash=hashes[leaf.event_id]) for leaf in honest.leaves]
    ordered = [leaf.leaf_hash for leaf in sorted(leaves, key=lambda leaf: leaf.seq)]
    head = TenantHead(honest.pseudonym, len(ordered), root_of(ordered)).encode()
    log = [leaf_hash(head), *(leaf_hash(b"padding %d" % place) for place in range(size - 1))]
    text = str(Checkpoint(ORIGIN, size, root_of(log)))
    key = audited.key_of(audited.log_key)
    signature = sign_text(text, key, lambda data: sign_note(audited.provider, audited.log_key, data))
    tables = {
        name: [
            {field: "mallory" if value == "vera" else value for field, value in row.items()} for row in rows
        ]
        for name, rows in honest.tables.items()
    }
    return replace(
        honest,
        events=events,
        leaves=leaves,
        heads=[ProvedHead(position=0, entry=head, path=prove_inclusion(0, log))],
        checkpoint=str(Note(text, (signature,))),
        tables=tables,
        old_size=None,
        consistency=(),
    )


def replant(audited: Audited) -> None:
    """Mallory instead of Vera: the tenant's tree is begun anew, and the honest sealer fills it."""
    audited.tamper(
        "UPDATE vestibule_audit_events SET actor_id = 'mallory' WHERE kind = 'invitation.accepted'",
        "UPDATE vestibule_invitations SET consumed_by_principal_id = 'mallory' WHERE consumed_at IS NOT NULL",
        "UPDATE vestibule_memberships SET principal_id = 'mallory' WHERE principal_id = 'vera'",
        "DELETE FROM vestibule_log_leaves WHERE tenant_id = 'acme'",
        "DELETE FROM vestibule_log_trees WHERE tenant_id = 'acme'",
        "UPDATE vestibule_log_entries SET tenant_id = NULL, size = NULL WHERE tenant_id = 'acme'",
        "INSERT INTO vestibule_log_queue (event_id) SELECT event_id FROM vestibule_audit_events "
        "WHERE tenant_id = 'acme' ORDER BY occurred_at, event_id",
    )
    audited.seal()


def test_K08_a_tree_begun_anew_is_found_by_an_earlier_export(audited: Audited) -> None:
    pinned, earlier = audited.newest(), audited.export()
    audited.world.do(audited.world.issue("later@example.com"))
    audited.seal()
    assert audited.verify(pin=pinned, earlier=earlier) == []
    replant(audited)
    # The log has only grown, so that no pin and no witness minds: what changed is which tree is the tenant's.
    assert audited.verify(pin=pinned) == []
    [finding] = audited.verify(pin=pinned, earlier=earlier)
    assert finding.startswith("acme: the tenant's tree was begun anew: it was known as " + earlier.pseudonym)
    renamed = replace(audited.export(), pseudonym=earlier.pseudonym)
    found = [str(one) for one in verify_export(renamed, trust=audited.trust(), earlier=earlier).findings]
    assert any("is not what an earlier export has there" in line for line in found)


def test_K08_a_tree_cut_back_with_its_heads_is_found_by_an_earlier_export(audited: Audited) -> None:
    edge = audited.export()
    before = audited.world.rows(log_trees, tenant_id="acme")[0]
    audited.world.do(audited.world.issue("later@example.com"))
    audited.seal()
    earlier = audited.export()
    assert audited.verify(earlier=edge) == audited.verify(earlier=earlier) == []
    erase(audited, "later@example.com")
    audited.tamper(
        "UPDATE vestibule_log_trees SET size = :size, frontier = :frontier WHERE tenant_id = 'acme'",
        "UPDATE vestibule_log_entries SET tenant_id = NULL, size = NULL WHERE tenant_id = 'acme' AND size > :size",
        size=before["size"],
        frontier=before["frontier"],
    )
    assert audited.verify() == audited.verify(earlier=edge) == []
    assert audited.verify(earlier=earlier) == [
        f"acme: the tenant's tree was cut back: it had {earlier.size} events and has {edge.size}"
    ]
    other = replace(earlier, tenant_id="globex")
    assert audited.verify(earlier=other) == ["acme: the earlier export is of another tenant or log"]


def test_K08_one_log_s_key_vouches_for_no_other_log(audited: Audited) -> None:
    honest = audited.export()
    mine = Ed25519PrivateKey.generate()
    key = NoteKey("other.example/vestibule", SignatureType.ED25519, mine.public_key().public_bytes_raw())
    text = parse_note(honest.checkpoint).text
    signed = replace(honest, checkpoint=str(Note(text, (sign_text(text, key, mine.sign),))))
    both = parse_trust(f"log {audited.key_of(audited.log_key)}\nlog {key}\nquorum none\n")
    assert verify_export(honest, trust=both).findings == []
    [finding] = verify_export(signed, trust=both).findings
    assert finding.what == "the checkpoint is signed by no key of the log that is trusted"


@pytest.mark.parametrize(
    "statement,told",
    [
        (
            "UPDATE vestibule_invitations SET role = 'owner' WHERE invited_email = 'open@example.com'",
            "was for member, its row says owner",
        ),
        (
            (
                "UPDATE vestibule_invitations SET revoked_at = NULL, revoked_reason = NULL "
                "WHERE revoked_at IS NOT NULL"
            ),
            "was revoked by its event, its row is not",
        ),
        (
            (
                "UPDATE vestibule_invitations SET consumed_by_principal_id = 'mallory' "
                "WHERE consumed_at IS NOT NULL"
            ),
            "was accepted by vera, its row says mallory",
        ),
        (
            "UPDATE vestibule_memberships SET role = 'owner' WHERE principal_id = 'vera'",
            "the membership of vera was given as member, its row says owner",
        ),
        (
            (
                "INSERT INTO vestibule_memberships (tenant_id, principal_id, role, created_at) "
                "SELECT tenant_id, 'mallory', 'owner', created_at FROM vestibule_memberships "
                "WHERE principal_id = 'vera'"
            ),
            "the membership of mallory (owner) comes from no event",
        ),
        (
            "DELETE FROM vestibule_memberships WHERE principal_id = 'mia'",
            "the membership of mia (member) was given and its row is gone",
        ),
        (
            "DELETE FROM vestibule_invitations WHERE invited_email = 'open@example.com'",
            "has an event (invitation.issued) and no row",
        ),
        (
            "UPDATE vestibule_policy_documents SET document = '{}'",
            "is not the text under that name",
        ),
    ],
)
def test_K08_what_is_changed_beside_the_log_is_found_by_replay(
    audited: Audited, statement: str, told: str
) -> None:
    audited.tamper(statement)
    assert any(told in line for line in audited.verify())


def test_K08_an_invitation_erased_with_all_its_events_is_missed(audited: Audited) -> None:
    erase(audited, "late@example.com")
    assert any("the event is missing" in line for line in audited.verify())


def test_K08_issued_and_erased_before_sealing_is_caught_by_its_receipt_alone(audited: Audited) -> None:
    world = audited.world
    issued = world.do(world.issue("ghost@example.com"))
    ghost = world.rows(audit_events, invitation_id=issued.invitation.invitation_id)[-1]["event_id"]
    receipt = audited.give_receipt(ghost)
    kept = audited.give_receipt(event_id(audited, "invitation.accepted"))
    audited.tamper(
        "DELETE FROM vestibule_log_queue WHERE event_id IN "
        "(SELECT event_id FROM vestibule_audit_events WHERE invitation_id = :one)",
        "DELETE FROM vestibule_audit_events WHERE invitation_id = :one",
        "DELETE FROM vestibule_invitations WHERE invitation_id = :one",
        one=issued.invitation.invitation_id,
    )
    audited.seal()
    assert audited.verify() == []
    assert audited.verify(receipts={"kept.txt": kept}) == []
    assert audited.verify(receipts={"ghost.txt": receipt}) == [
        f"acme: event {ghost} was promised by the receipt ghost.txt and never sealed"
    ]
    changed = receipt.replace("event ", "event 0", 1)
    assert any("can't be believed" in line for line in audited.verify(receipts={"forged.txt": changed}))


def test_a_removed_member_and_an_invitation_by_an_admin_verify_too(audited: Audited) -> None:
    world = audited.world
    world.do(world.remove(MIA))
    world.do(world.issue("more@example.com", by=ADAM))
    world.do(world.put_member(VERA, "admin"))
    world.do(world.suspend())
    world.do(world.resume())
    world.do(world.offboard(ADAM))
    world.do(world.issue("boss@example.com", role="owner", by=OLGA))
    audited.seal()
    assert audited.verify() == []


@pytest.mark.covers("DEL-09")
def test_a_reported_leak_verifies_whether_its_link_was_reissued_or_cut(audited: Audited) -> None:
    world = audited.world
    world.do(leak(world, world.do(world.issue("cut@example.com"))))
    world.do(world.issue("again@example.com", deliver="email"))
    [letter] = [one for one in world.deliver() if one.kind == "invitation_mail"]
    world.do(leak(world, key_in(letter)))
    audited.seal()
    assert [event["body"]["outcome"] for event in world.events("token.leak_reported")] == ["cut", "reissued"]
    assert audited.verify() == []
    audited.tamper("UPDATE vestibule_invitations SET generation = 1 WHERE invited_email = 'cut@example.com'")
    assert any("was renewed" in line for line in audited.verify())


def leak(world: World, link: Link) -> Call[bool]:
    hashed = key_of(link).claim_token_hash or b""
    return Call(
        "run",
        lambda uow: report_leak(uow, HOST, hashed, host="x", source="commit", context=world.context),
    )
