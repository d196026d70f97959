# SPDX-License-Identifier: Apache-2.0
"""Keys come into use and go out of it: made, published, rotated, given up (TOK-04, TOK-05).

The private half is made by the provider before its record is committed: a record always has its key, and a
key without a record is never used. The worker draws keys before its transaction, so that no slow provider
holds a lock: ``list_turns``, then ``draw_key``, then ``take_turn``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import groupby

from vestibule.core import authority
from vestibule.core.event import KeyActivated, KeyCompromised, KeyCreated
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.keys import (
    BLIND_PREFIX,
    KeyRecord,
    KeySchedule,
    KeyState,
    Turn,
    algorithm_of,
    judge_turn,
    mint_key_id,
)
from vestibule.errors import KeyMissingError, KeyProviderError, KeyStateError, NotFoundError
from vestibule.log import get_logger
from vestibule.ports import KeyProvider, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTurn:
    """What the schedule wants of one purpose, as of *now*; *pending* is the key that waits, if one does."""

    purpose: str
    turn: Turn
    pending: KeyRecord | None
    now: datetime


def create_key(
    uow: UnitOfWork, actor: Actor, purpose: str, *, provider: KeyProvider, context: RequestContext
) -> KeyRecord:
    """A key for *purpose* exists: in use at once where there was none, else pending and published.

    Raises:
        NotPermittedError: *actor* is not the deployment's host.
        KeyStateError: a pending one waits already.
        KeyProviderError: the provider can't make one.
    """
    authority.check_key(actor, "tenants")
    uow.keys.lock(purpose)
    key = _make(uow, actor, purpose, provider=provider, context=context)
    if uow.keys.find_active(purpose) is None:
        _activate(uow, actor, key, None, context=context)
    uow.commit()
    return key


def rotate_key(
    uow: UnitOfWork,
    actor: Actor,
    purpose: str,
    *,
    provider: KeyProvider,
    schedule: KeySchedule,
    at_once: bool = False,
    context: RequestContext,
) -> KeyRecord:
    """The pending key is in use, and what the old one signed still verifies for ``schedule.verify_for``.

    *at_once* makes one where none is pending, and does not wait until verifiers know it; a secret, which
    nobody verifies with, needs neither.

    Raises:
        NotPermittedError: *actor* is not the deployment's host.
        KeyMissingError: nothing is in use that could be replaced.
        KeyStateError: no key is pending, or it has not been published for ``schedule.publish_ahead``.
        KeyProviderError: the provider can't make one.
    """
    authority.check_key(actor, "tenants")
    uow.keys.lock(purpose)
    old, new = uow.keys.find_active(purpose), uow.keys.find_pending(purpose)
    if old is None:
        raise KeyMissingError
    if purpose.startswith(BLIND_PREFIX):
        raise KeyStateError("An anonymous event has one key for its whole life: two would tell people apart.")
    at_once = at_once or old.public_key is None
    if new is None and not at_once:
        raise KeyStateError("No key is pending: make one with `vestibule keys create` first.")
    if new is None:
        new = _make(uow, actor, purpose, provider=provider, context=context)
    elif not at_once and uow.now() < new.created_at + schedule.publish_ahead:
        raise KeyStateError("The pending key was published a moment ago: verifiers may not know it yet.")
    _activate(uow, actor, new, old, schedule=schedule, context=context)
    uow.commit()
    return new


def compromise_key(
    uow: UnitOfWork,
    actor: Actor,
    key_id: str,
    reason: str,
    *,
    provider: KeyProvider,
    context: RequestContext,
) -> KeyRecord | None:
    """Nothing that this key signed counts from now on; the next one of its purpose, if it was in use.

    It is given up even when the provider can't make the next one: then there is none until the worker or
    ``create_key`` has made one.

    Raises:
        NotPermittedError: *actor* is not the deployment's host.
        NotFoundError: no such key.
        KeyStateError: it was given up before.
    """
    authority.check_key(actor, "tenants")
    key = uow.keys.find(key_id)
    if key is None:
        raise NotFoundError
    uow.keys.lock(key.purpose)
    was_active = (active := uow.keys.find_active(key.purpose)) is not None and active.key_id == key_id
    event = KeyCompromised(key_id=key_id, purpose=key.purpose, reason=reason)
    event_id = uow.audit.append(event, actor=actor, context=context).record.event_id
    if not uow.keys.compromise(key_id, event_id=event_id):
        raise KeyStateError("This key was given up before.")
    successor = uow.keys.find_pending(key.purpose) if was_active else None
    if was_active and successor is None and not key.purpose.startswith(BLIND_PREFIX):
        try:
            successor = _make(uow, actor, key.purpose, provider=provider, context=context)
        except KeyProviderError as error:
            get_logger().error("key_provider_failed", purpose=key.purpose, problem=error.finding)
    if successor is not None:
        _activate(uow, actor, successor, None, context=context)
    uow.commit()
    return successor


def list_keys(uow: UnitOfWork, actor: Actor) -> Sequence[tuple[KeyRecord, KeyState]]:
    """Every key with its state as of now, by purpose, the oldest first."""
    authority.check_key(actor, "tenants")
    now = uow.now()
    return [(key, key.state_at(now)) for key in uow.keys.list_all()]


def list_turns(uow: UnitOfWork, *, schedule: KeySchedule) -> Sequence[DueTurn]:
    """What is due now, by purpose."""
    now = uow.now()
    due = []
    for purpose, group in groupby(uow.keys.list_all(), key=lambda key: key.purpose):
        keys = list(group)
        turn = judge_turn(keys, now, schedule)
        pending = next((key for key in keys if key.state_at(now) is KeyState.PENDING), None)
        if turn is not Turn.NOTHING:
            due.append(DueTurn(purpose=purpose, turn=turn, pending=pending, now=now))
    return due


def draw_key(provider: KeyProvider, purpose: str, now: datetime) -> KeyRecord:
    """A private key exists at *provider*; what is returned is its record, stored nowhere yet.

    Raises:
        KeyProviderError: it can't make one.
    """
    algorithm = algorithm_of(purpose, provider.signing)
    key_id = mint_key_id()
    made = provider.create(key_id, purpose, algorithm)
    return KeyRecord(
        key_id=key_id,
        purpose=purpose,
        algorithm=algorithm,
        provider=provider.scheme,
        reference=made.reference,
        public_key=made.public_key,
        created_at=now,
    )


def take_turn(
    uow: UnitOfWork,
    due: DueTurn,
    drawn: KeyRecord | None,
    *,
    schedule: KeySchedule,
    context: RequestContext,
) -> bool:
    """What was due is done, with the key *drawn* for it; False when somebody else was faster."""
    uow.keys.lock(due.purpose)
    keys = [key for key in uow.keys.list_all() if key.purpose == due.purpose]
    pending = uow.keys.find_pending(due.purpose)
    if judge_turn(keys, uow.now(), schedule) is not due.turn or pending != due.pending:
        return False
    active = uow.keys.find_active(due.purpose)
    if drawn is not None:
        _add(uow, "clock", drawn, context=context)
    coming = pending or (drawn if active is None else None)
    if coming is not None:
        _activate(uow, "clock", coming, active, schedule=schedule, context=context)
    uow.commit()
    return True


def _make(
    uow: UnitOfWork, actor: Actor, purpose: str, *, provider: KeyProvider, context: RequestContext
) -> KeyRecord:
    if uow.keys.find_pending(purpose) is not None:
        raise KeyStateError(
            "A key of this purpose is pending already: `vestibule keys rotate` puts it in use."
        )
    return _add(uow, actor, draw_key(provider, purpose, uow.now()), context=context)


def _add(uow: UnitOfWork, actor: Actor | str, key: KeyRecord, *, context: RequestContext) -> KeyRecord:
    event = KeyCreated(
        key_id=key.key_id,
        purpose=key.purpose,
        algorithm=key.algorithm,
        provider=key.provider,
        public_key_hash=None if key.public_key is None else sha256(key.public_key).hexdigest(),
    )
    event_id = uow.audit.append(event, actor=actor, context=context).record.event_id
    stored = replace(key, created_at=uow.now(), created_event_id=event_id)
    uow.keys.add(stored)
    return stored


def _activate(
    uow: UnitOfWork,
    actor: Actor | str,
    new: KeyRecord,
    old: KeyRecord | None,
    *,
    schedule: KeySchedule | None = None,
    context: RequestContext,
) -> None:
    if old is not None:
        lasting = schedule or KeySchedule()
        # The leeway on top: a process may have signed with it a moment after it was replaced.
        uow.keys.replace(old.key_id, verify_until=uow.now() + lasting.verify_for + lasting.leeway)
    event = KeyActivated(
        key_id=new.key_id, purpose=new.purpose, replaced_key_id=None if old is None else old.key_id
    )
    event_id = uow.audit.append(event, actor=actor, context=context).record.event_id
    if not uow.keys.activate(new.key_id, event_id=event_id):
        raise KeyStateError("Somebody else changed the keys of this purpose; look again.")
