# SPDX-License-Identifier: Apache-2.0
"""Reading a tenant's trail: its events, and the proof that one of them stands in the sealed log (AUD-03)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from vestibule.core import authority
from vestibule.core.event import StoredEvent
from vestibule.core.identity import Actor, actor_id
from vestibule.core.log.event_proof import EventProof
from vestibule.core.log.growth import LogTree, inclusion_path
from vestibule.core.log.leaf import event_leaf
from vestibule.core.log.tree import leaf_hash
from vestibule.core.paging import Page, PageRequest
from vestibule.errors import NotFoundError
from vestibule.ports import LogEntry, SealedLeaf, StoredCheckpoint, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One event of the trail, and how far it is sealed.

    *leaf_hash* is what its row hashes to now; *sealed* where it stands in its tenant's tree; *proof* is None
    until a signed checkpoint holds it.
    """

    event: StoredEvent
    leaf_hash: bytes
    sealed: SealedLeaf | None
    proof: EventProof | None


def list_events(uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest) -> Page[StoredEvent]:
    """A page of the tenant's trail, the newest first.

    Raises:
        NotPermittedError: a key without the scope ``tenants``, or a member without the right.
        NotFoundError: no such tenant, or the actor does not belong to it.
    """
    _check(uow, actor, tenant_id)
    return uow.audit.list_page(tenant_id, request)


def get_event(uow: UnitOfWork, actor: Actor, tenant_id: str, event_id: str) -> EventView:
    """One event of the tenant's trail, with its proof where there can be one.

    Raises:
        NotPermittedError, NotFoundError: as for the list; or no such event in this tenant (ATTACKS K07).
    """
    _check(uow, actor, tenant_id)
    event = uow.audit.find(tenant_id, event_id)
    if event is None:
        raise NotFoundError
    leaf = event_leaf(event.record, event.occurred_at)
    sealed = uow.log.find_leaf(event_id)
    proof = None
    checkpoint = uow.checkpoints.find_newest()
    if sealed is not None and checkpoint is not None:
        entry = uow.log.find_entry(tenant_id, sealed.seq, within=checkpoint.size)
        if entry is not None:
            proof = _prove(uow, leaf, sealed, entry, checkpoint)
    return EventView(event=event, leaf_hash=leaf_hash(leaf), sealed=sealed, proof=proof)


def _check(uow: UnitOfWork, actor: Actor, tenant_id: str) -> None:
    standing = uow.members.find(tenant_id, actor_id(actor))
    tenant = uow.tenants.find(tenant_id)
    authority.check_overseer(actor, "tenants", tenant_id, tenant, standing, uow.now())


def _prove(
    uow: UnitOfWork, leaf: bytes, sealed: SealedLeaf, entry: LogEntry, checkpoint: StoredCheckpoint
) -> EventProof:
    tree = uow.log.find_trees([sealed.tenant_id])[sealed.tenant_id]
    cosigned = "".join(uow.checkpoints.list_cosignatures(checkpoint.size))
    return EventProof(
        leaf=leaf,
        seq=sealed.seq,
        path=_path(uow, tree, sealed.seq, entry.size or 0),
        head=entry.entry,
        position=entry.position,
        head_path=_path(uow, uow.log.get_log(), entry.position, checkpoint.size),
        checkpoint=checkpoint.note + cosigned,
    )


def _path(uow: UnitOfWork, tree: LogTree, index: int, size: int) -> tuple[bytes, ...]:
    return inclusion_path(index, size, partial(uow.log.read_hashes, tree))
