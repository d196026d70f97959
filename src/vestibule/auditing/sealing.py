# SPDX-License-Identifier: Apache-2.0
"""The log's side of an export: is it signed, does it only grow, and is every event what was sealed?"""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.auditing.findings import Report
from vestibule.core.keys import Purpose
from vestibule.core.log.checkpoint import Checkpoint, parse_checkpoint
from vestibule.core.log.export import TenantExport
from vestibule.core.log.leaf import EventLeaf, parse_event_leaf
from vestibule.core.log.note import NoteKey, Verify, note_key, parse_note, signed_by
from vestibule.core.log.tree import CompactRange, is_consistent, is_included, leaf_hash
from vestibule.core.log.trust import TrustPolicy
from vestibule.errors import InvalidRequestError


def told(error: InvalidRequestError) -> str:
    return " ".join(fault.message for fault in error.faults)


class Seals:
    """The steps, each of which reports what it finds; a step that can't begin says so."""

    def __init__(
        self, export: TenantExport, report: Report, trust: TrustPolicy | None, verify: Verify
    ) -> None:
        self._export = export
        self._report = report
        self._trust = trust or TrustPolicy()
        self._verify = verify
        self._log_keys = self._choose_keys()

    def _choose_keys(self) -> Sequence[NoteKey]:
        if self._trust.logs:
            return self._trust.logs
        self._report.note("No trust policy names the log: its key is taken from the export itself.")
        return [
            note_key(self._export.origin, key.spki)
            for key in self._export.keys
            if key.purpose == Purpose.CHECKPOINT and not key.is_compromised
        ]

    def check_checkpoint(self) -> Checkpoint | None:
        """Signed by the log, cosigned by the quorum."""
        try:
            checkpoint, cosigners = self._open(self._export.checkpoint, "the checkpoint")
        except InvalidRequestError as error:
            self._report.find(f"the checkpoint can't be believed: {told(error)}")
            return None
        if checkpoint is None:
            return None
        if not self._trust.is_met_by(cosigners):
            self._report.find(
                f"the checkpoint of {checkpoint.size} leaves lacks the quorum {self._trust.quorum}"
            )
        if not cosigners:
            self._report.note("No witness vouches for it: who holds the log's key could fork it.")
        return checkpoint

    def check_pin(self, checkpoint: Checkpoint, pin: str) -> None:
        """The log has only grown since the pinned checkpoint."""
        try:
            pinned, _ = self._open(pin, "the pinned checkpoint")
        except InvalidRequestError as error:
            self._report.find(f"the pinned checkpoint can't be believed: {told(error)}")
            return
        if pinned is None:
            return
        size = pinned.size
        if size > checkpoint.size:
            self._report.find(f"the log was cut back: it had {size} leaves and has {checkpoint.size}")
        elif size not in (0, checkpoint.size, self._export.old_size):
            self._report.find(f"no proof leads from the pinned {size} leaves: export again with --pin")
        elif not is_consistent(size, checkpoint.size, pinned.root, checkpoint.root, self._way_from(size)):
            self._report.find(f"the log was rewritten: its first {size} leaves are not the pinned ones")

    def _way_from(self, size: int) -> tuple[bytes, ...]:
        return self._export.consistency if self._export.old_size == size else ()

    def _open(self, text: str, what: str) -> tuple[Checkpoint | None, set[NoteKey]]:
        note = parse_note(text)
        checkpoint = parse_checkpoint(note.text)
        # Each log speaks for itself: a key that is trusted for one signs no other's heads.
        keys = [key for key in self._log_keys if key.name == checkpoint.origin]
        if not signed_by(note, keys, self._verify):
            self._report.find(f"{what} is signed by no key of the log that is trusted")
            return None, set()
        if checkpoint.origin != self._export.origin:
            self._report.find(f"{what} is of another log: {checkpoint.origin}")
            return None, set()
        witnesses = [witness.key for witness in self._trust.witnesses.values()]
        return checkpoint, set(signed_by(note, witnesses, self._verify))

    def check_heads(self, checkpoint: Checkpoint) -> None:
        """Each head of the tenant is in the log, and none says less than the one before."""
        size = 0
        for one in self._export.heads:
            try:
                head = one.head
            except InvalidRequestError as error:
                self._report.find(f"the log's leaf {one.position} is no head: {told(error)}")
                continue
            if head.pseudonym != self._export.pseudonym:
                self._report.find(f"the log's leaf {one.position} is another tenant's head")
            hashed = leaf_hash(one.entry)
            if not is_included(one.position, checkpoint.size, hashed, one.path, checkpoint.root):
                self._report.find(f"the head of {head.size} events is not in the log at {one.position}")
            if head.size <= size:
                self._report.find(f"the head at {one.position} says {head.size} events, after {size}")
            size = head.size
        if not self._export.heads and self._export.leaves:
            self._report.find("events were sealed, and no head of the tenant is in the log")

    def check_order(self) -> bool:
        """The sealed events are as many as the heads say, and their tree is the one that was sealed."""
        leaves = sorted(self._export.leaves, key=lambda leaf: leaf.seq)
        places = {leaf.seq for leaf in leaves}
        missing = [seq for seq in range(self._export.size) if seq not in places]
        for seq in missing:
            self._report.find(f"the event is missing: {self._export.size} were sealed", seq)
        if len(places) != len(leaves):
            self._report.find("two events have one place")
        if missing or len(places) != len(leaves) or (places and max(places) != len(places) - 1):
            return False
        edge = CompactRange()
        for one in self._export.heads:
            head = one.head
            before = edge.size
            edge = edge.extend(leaf.leaf_hash for leaf in leaves[before : head.size])
            if edge.root != head.root:
                where = f"#{before}" if head.size == before + 1 else f"one of #{before} to #{head.size - 1}"
                self._report.find(f"{where} is not what was sealed: the tree of {head.size} events differs")
                return False
        return True

    def check_earlier(self, earlier: TenantExport) -> None:
        """The tenant's tree has only grown since *earlier*.

        The log's own growth does not say so: whoever can write to the database can begin another tree for
        the tenant, or take heads off it, and every head that then follows is in the log.
        """
        now = self._export
        if (earlier.origin, earlier.tenant_id) != (now.origin, now.tenant_id):
            self._report.find("the earlier export is of another tenant or log")
            return
        if earlier.size and earlier.pseudonym != now.pseudonym:
            self._report.find(
                "the tenant's tree was begun anew: "
                f"it was known as {earlier.pseudonym} and is {now.pseudonym}"
            )
            return
        if now.size < earlier.size:
            self._report.find(
                f"the tenant's tree was cut back: it had {earlier.size} events and has {now.size}"
            )
        known = {leaf.seq: leaf.leaf_hash for leaf in now.leaves}
        for leaf in sorted(earlier.leaves, key=lambda leaf: leaf.seq):
            if leaf.seq < min(earlier.size, now.size) and known.get(leaf.seq) != leaf.leaf_hash:
                self._report.find("the event is not what an earlier export has there", leaf.seq)

    def read_events(self) -> list[tuple[int | None, EventLeaf]]:
        """The events in their order, each as it was sealed; those not sealed yet come last."""
        found: dict[str, tuple[bytes, EventLeaf]] = {}
        for data in self._export.events:
            try:
                event = parse_event_leaf(data)
            except InvalidRequestError as error:
                self._report.find(f"an event can't be read: {told(error)}")
                continue
            if event.tenant_id != self._export.tenant_id or event.event_id in found:
                self._report.find(f"event {event.event_id} is another tenant's, or stands twice")
                continue
            found[event.event_id] = (data, event)
        told_events: list[tuple[int | None, EventLeaf]] = []
        for leaf in sorted(self._export.leaves, key=lambda leaf: leaf.seq):
            data, sealed = found.pop(leaf.event_id, (b"", None))
            if sealed is None:
                self._report.find(f"event {leaf.event_id} was sealed and is missing", leaf.seq)
            else:
                if leaf_hash(data) != leaf.leaf_hash:
                    self._report.find(
                        f"event {leaf.event_id} ({sealed.kind}) is not what was sealed", leaf.seq
                    )
                told_events.append((leaf.seq, sealed))
        self._check_unsealed([event for _, event in found.values()])
        return [
            *told_events,
            *((None, event) for _, event in sorted(found.values(), key=lambda one: one[1].at)),
        ]

    def _check_unsealed(self, events: Sequence[EventLeaf]) -> None:
        beyond = len(self._export.leaves) - self._export.size
        if events or beyond > 0:
            self._report.note(f"{len(events) + max(0, beyond)} events are not under the checkpoint yet.")
        for event in events:
            if event.at + self._export.merge_delay < self._export.made_at:
                self._report.find(
                    f"event {event.event_id} ({event.kind}) was never sealed, and should have been long ago"
                )
