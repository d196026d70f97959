# SPDX-License-Identifier: Apache-2.0
"""One tenant's trail with everything that proves it, for somebody who trusts neither us nor our database."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache, partial

from vestibule.core import authority
from vestibule.core.canonical import canonical
from vestibule.core.event import StoredEvent
from vestibule.core.identity import Actor
from vestibule.core.log.checkpoint import parse_checkpoint
from vestibule.core.log.export import ProvedHead, PublicKey, SealedEvent, TenantExport
from vestibule.core.log.growth import ReadHashes, consistency_path, inclusion_path
from vestibule.core.log.leaf import event_leaf, milliseconds
from vestibule.core.log.note import parse_note
from vestibule.errors import InvalidRequestError, KeyMissingError, NotFoundError
from vestibule.ports import StoredCheckpoint, UnitOfWork

_POLICY_HASH = re.compile(r'"policy_hash":"(sha256:[0-9a-f]{64})"')


def export_tenant(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    *,
    merge_delay: timedelta,
    old_size: int | None = None,
    witnesses: int = 0,
) -> TenantExport:
    """Everything there is of the tenant, as of one moment. What somebody has damaged is no obstacle: it is
    exported as it is, for the verifier to find.

    *old_size* asks for the proof that the log has only grown since it had so many leaves. *witnesses* is how
    many must have cosigned the checkpoint; where none has so many, it is the newest.

    Raises:
        NotFoundError: no such tenant.
        KeyMissingError: no checkpoint was ever signed.
    """
    authority.check_key(actor, "tenants", tenant_id=tenant_id)
    uow.exports.freeze()
    if uow.tenants.find(tenant_id) is None:
        raise NotFoundError
    checkpoint = _choose_checkpoint(uow, witnesses)
    origin = parse_checkpoint(parse_note(checkpoint.note).text).origin
    log = uow.log.get_log()
    read: ReadHashes = cache(partial(uow.log.read_hashes, log))
    consistency = _prove_growth(old_size, checkpoint.size, read)
    events = uow.exports.list_events(tenant_id)
    tree = uow.log.find_trees([tenant_id]).get(tenant_id)
    now = uow.now()
    return TenantExport(
        origin=origin,
        tenant_id=tenant_id,
        pseudonym="" if tree is None else tree.tree_id,
        made_at=milliseconds(now),
        merge_delay=merge_delay // timedelta(milliseconds=1),
        checkpoint=checkpoint.note + "".join(uow.checkpoints.list_cosignatures(checkpoint.size)),
        events=[_spell(event) for event in events],
        leaves=[
            SealedEvent(seq=leaf.seq, event_id=leaf.event_id, leaf_hash=leaf.leaf_hash)
            for leaf in uow.exports.list_leaves(tenant_id)
        ],
        heads=_prove_heads(uow, tenant_id, checkpoint.size, read),
        keys=_list_public_keys(uow),
        tables=uow.exports.read_tables(tenant_id, _find_policies(events)),
        old_size=old_size,
        consistency=consistency,
    )


def _choose_checkpoint(uow: UnitOfWork, witnesses: int) -> StoredCheckpoint:
    size = uow.exports.find_cosigned_size(witnesses) if witnesses else None
    found = uow.checkpoints.find_newest() if size is None else uow.checkpoints.find(size)
    if found is None:
        raise KeyMissingError("No checkpoint was signed yet: set KEYRING, and run `vestibule audit seal`.")
    return found


def _prove_growth(old_size: int | None, size: int, read: ReadHashes) -> tuple[bytes, ...]:
    if old_size is None or old_size > size:
        return ()
    return _find_path(consistency_path, old_size, size, read)


def _find_path(
    prove: Callable[[int, int, ReadHashes], tuple[bytes, ...]], place: int, size: int, read: ReadHashes
) -> tuple[bytes, ...]:
    try:
        return prove(place, size, read)
    except ValueError:
        return ()


def _prove_heads(uow: UnitOfWork, tenant_id: str, size: int, read: ReadHashes) -> Sequence[ProvedHead]:
    return [
        ProvedHead(
            position=entry.position,
            entry=entry.entry,
            path=_find_path(inclusion_path, entry.position, size, read),
        )
        for entry in uow.exports.list_heads(tenant_id, within=size)
    ]


def _list_public_keys(uow: UnitOfWork) -> Sequence[PublicKey]:
    return [
        PublicKey(purpose=key.purpose, spki=key.public_key, is_compromised=key.compromised_at is not None)
        for key in uow.keys.list_all()
        if key.public_key is not None and key.active_at is not None
    ]


def _spell(event: StoredEvent) -> bytes:
    try:
        return event_leaf(event.record, event.occurred_at)
    except (ValueError, InvalidRequestError):
        return canonical({"id": event.record.event_id, "unreadable": event.record.body}).encode()


def _find_policies(events: Sequence[StoredEvent]) -> set[str]:
    return {name for event in events for name in _POLICY_HASH.findall(event.record.body)}
