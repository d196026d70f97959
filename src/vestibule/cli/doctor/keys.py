# SPDX-License-Identifier: Apache-2.0
"""Checks of the key ring: it opens, every private half can be used, nothing is missing or overdue."""

from __future__ import annotations

from collections.abc import Iterator

from vestibule.actions.keys.show_ring import show_ring
from vestibule.bootstrap import build_plain_runner
from vestibule.cli.doctor.finding import Finding, failure, fine, misconfigured, warning
from vestibule.core.key_documents import Ring
from vestibule.core.keys import BLIND_PREFIX, Algorithm, KeyRecord, KeySchedule, KeyState, Purpose
from vestibule.errors import ConfigurationError, KeyProviderError
from vestibule.keyring import make_provider
from vestibule.keys.proving import prove_key
from vestibule.ports import KeyProvider
from vestibule.settings import Settings

_IN_USE = (KeyState.PENDING, KeyState.ACTIVE)
_FILE = "file"
_CLOSE_FILES = "chmod 700 the directory and 600 its files, and ask who could have read them"
_BRING_BACK = "Bring it back, or correct its settings; give no key up for this: none was looked at"
_RESTORE = "Restore its file from a backup, readable by its owner alone, or give it up: docs/keys.md"
_ASK_PROVIDER = "See at the provider why it refuses; give it up only if it is gone for good: docs/keys.md"


def check_keys(settings: Settings) -> Iterator[Finding]:
    """Everything about keys; the database is reached and migrated."""
    runner = build_plain_runner(settings, opens_addresses=False)
    try:
        ring = runner.read(show_ring)
    finally:
        runner.close()
    try:
        provider = make_provider(settings)
    except ConfigurationError as error:
        yield misconfigured("key ring", error)
        return
    if provider is None:
        yield _judge_without_ring(ring)
        return
    yield fine("key ring", f"{provider.scheme}: it opens")
    yield from _check_purposes(ring)
    found = _examine(provider)
    yield from found
    # A service that is away fails every key alike, and none of them should be given up for that.
    if not found or provider.scheme == _FILE:
        yield from _prove(provider, ring)


def _judge_without_ring(ring: Ring) -> Finding:
    if any(key.state_at(ring.now) is KeyState.ACTIVE for key in ring.keys):
        told = "VESTIBULE_KEYRING: is not set, but the database has keys"
        return failure("key ring", told, "Set it to where their private halves are")
    return fine("key ring", "none: opaque tokens only, nothing is signed or encrypted")


def _examine(provider: KeyProvider) -> list[Finding]:
    try:
        told = provider.examine()
    except KeyProviderError as error:
        told = [error.finding]
    remedy = _CLOSE_FILES if provider.scheme == _FILE else _BRING_BACK
    return [failure("key provider", finding, remedy) for finding in told]


def _check_purposes(ring: Ring) -> Iterator[Finding]:
    schedule = KeySchedule()
    known = {key.purpose for key in ring.keys}
    for name in sorted(known - {purpose for purpose in known if purpose.startswith(BLIND_PREFIX)}):
        active = ring.find_active(name)
        if active is None or active.active_at is None:
            yield failure(f"key {name}", "none is in use", f"Run `vestibule keys create {name}`")
            continue
        due_at = active.active_at + schedule.rotate_every
        if name in schedule.rotating and ring.now > due_at + schedule.publish_ahead:
            remedy = "See that a worker runs with this key ring; it rotates"
            yield warning(f"key {name}", "its rotation is overdue", remedy)
    missing = sorted(purpose.value for purpose in Purpose if purpose not in known)
    if missing:
        yield warning("keys", f"none for {', '.join(missing)}", "Run `vestibule keys create`")


def _prove(provider: KeyProvider, ring: Ring) -> Iterator[Finding]:
    proved = 0
    for key in ring.keys:
        if not _is_needed(key, ring):
            continue
        try:
            prove_key(provider, key)
        except KeyProviderError as error:
            remedy = _RESTORE if provider.scheme == _FILE else _ASK_PROVIDER
            yield failure(f"key {key.purpose}", f"key {key.key_id} can't be used: {error.finding}", remedy)
        else:
            proved += 1
    yield fine("keys", f"{proved} can be used")


def _is_needed(key: KeyRecord, ring: Ring) -> bool:
    """A private half that still has work: to sign, or to open what was sealed once."""
    state = key.state_at(ring.now)
    if key.algorithm is Algorithm.SECRET:
        return state in (*_IN_USE, KeyState.VERIFY_ONLY)
    return state in _IN_USE
