# SPDX-License-Identifier: Apache-2.0
"""Keys come into use and go out of it: made, published, rotated, given up (TOK-04, TOK-05).

The private half is made by the provider before its record is committed: a record always has its key, and a
key without a record is never used.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from vestibule.core import authority
from vestibule.core.event import KeyActivated, KeyCompromised, KeyCreated
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.keys import KeyRecord, KeySchedule, KeyState, algorithm_of, mint_key_id
from vestibule.errors import KeyMissingError, KeyStateError, NotFoundError
from vestibule.ports import KeyProvider, UnitOfWork


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

    *at_once* makes one where none is pending, and does not wait until verifiers know it.

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
    if new is None and not at_once:
        raise KeyStateError("No key is pending: make one with `vestibule keys create` first.")
    if new is None:
        new = _make(uow, actor, purpose, provider=provider, context=context)
    elif not at_once and new.public_key is not None and uow.now() < new.created_at + schedule.publish_ahead:
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

    Raises:
        NotPermittedError: *actor* is not the deployment's host.
        NotFoundError: no such key.
        KeyStateError: it was given up before.
        KeyProviderError: the provider can't make the next one.
    """
    authority.check_key(actor, "tenants")
    key = uow.keys.find(key_id)
    if key is None:
        raise NotFoundError
    uow.keys.lock(key.purpose)
    was_active = (active := uow.keys.find_active(key.purpose)) is not None and active.key_id == key_id
    if not uow.keys.compromise(key_id):
        raise KeyStateError("This key was given up before.")
    event = KeyCompromised(key_id=key_id, purpose=key.purpose, reason=reason)
    uow.audit.append(event, actor=actor, context=context)
    successor = None
    if was_active:
        pending = uow.keys.find_pending(key.purpose)
        successor = pending or _make(uow, actor, key.purpose, provider=provider, context=context)
        _activate(uow, actor, successor, None, context=context)
    uow.commit()
    return successor


def list_keys(uow: UnitOfWork, actor: Actor) -> Sequence[tuple[KeyRecord, KeyState]]:
    """Every key with its state as of now, by purpose, the oldest first."""
    authority.check_key(actor, "tenants")
    now = uow.now()
    return [(key, key.state_at(now)) for key in uow.keys.list_all()]


def _make(
    uow: UnitOfWork, actor: Actor, purpose: str, *, provider: KeyProvider, context: RequestContext
) -> KeyRecord:
    algorithm = algorithm_of(purpose, provider.signing)
    key_id = mint_key_id()
    if uow.keys.find_pending(purpose) is not None:
        raise KeyStateError(
            "A key of this purpose is pending already: `vestibule keys rotate` puts it in use."
        )
    made = provider.create(key_id, purpose, algorithm)
    key = KeyRecord(
        key_id=key_id,
        purpose=purpose,
        algorithm=algorithm,
        provider=provider.scheme,
        reference=made.reference,
        public_key=made.public_key,
        created_at=uow.now(),
    )
    uow.keys.add(key)
    event = KeyCreated(
        key_id=key_id,
        purpose=purpose,
        algorithm=algorithm,
        provider=provider.scheme,
        public_key_hash=None if made.public_key is None else sha256(made.public_key).hexdigest(),
    )
    uow.audit.append(event, actor=actor, context=context)
    return key


def _activate(
    uow: UnitOfWork,
    actor: Actor,
    new: KeyRecord,
    old: KeyRecord | None,
    *,
    schedule: KeySchedule | None = None,
    context: RequestContext,
) -> None:
    if old is not None:
        lasts = (schedule or KeySchedule()).verify_for
        uow.keys.replace(old.key_id, verify_until=uow.now() + lasts)
    if not uow.keys.activate(new.key_id):
        raise KeyStateError("Somebody else changed the keys of this purpose; look again.")
    event = KeyActivated(
        key_id=new.key_id, purpose=new.purpose, replaced_key_id=None if old is None else old.key_id
    )
    uow.audit.append(event, actor=actor, context=context)
