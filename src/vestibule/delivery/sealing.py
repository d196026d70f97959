# SPDX-License-Identifier: Apache-2.0
"""The sealer at work: about once a second, beside the mail. Any number may run; one at a time does it.

Sealing never waits for a signature, nor a signature for the next batch: where the key's provider is slow or
down, events are sealed all the same, and the next head that can be signed covers them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from vestibule import metrics
from vestibule.actions.log.seal_events import has_unsealed, seal_events
from vestibule.actions.log.sign_checkpoint import (
    ClaimedHead,
    claim_head,
    is_unsigned,
    keep_checkpoint,
    put_off,
)
from vestibule.core.identity import RequestContext
from vestibule.core.keys import Algorithm, KeyRecord
from vestibule.core.log.checkpoint import origin_of
from vestibule.core.log.note import Note, note_key, sign_text
from vestibule.core.token import mint_id
from vestibule.errors import KeyProviderError, UnavailableError
from vestibule.log import get_logger
from vestibule.ports import KeyProvider, Runner

_COORDINATE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPolicy:
    """How one sealer goes about it. ``every`` in seconds.

    ``lease``: so long a head that somebody signs is left to them. ``retry_after``: so long a provider that
    failed is left alone. ``batch`` is small: the event loop of a serving process may carry it.
    """

    every: float = 1.0
    batch: int = 500
    lease: timedelta = timedelta(seconds=60)
    retry_after: timedelta = timedelta(seconds=10)


class LogSealer:
    """Seals events and signs heads. Without *provider* heads stay unsigned."""

    def __init__(
        self,
        *,
        runner: Runner,
        provider: KeyProvider | None,
        public_url: str,
        policy: SealPolicy | None = None,
    ) -> None:
        self._runner = runner
        self._provider = provider
        self._origin = origin_of(public_url)
        self._policy = policy or SealPolicy()
        self._log = get_logger()

    async def run(self, stopping: asyncio.Event) -> None:
        """Seal until *stopping*. An unreachable database is waited for."""
        while not stopping.is_set():
            try:
                await self.seal()
                await self.sign()
            except UnavailableError:
                self._log.warning("sealer_waits_for_database")
            except Exception as error:  # noqa: BLE001 - the next round may fare better, and mail must go on
                self._log.error("sealing_failed", problem=type(error).__name__)
            try:
                await asyncio.wait_for(stopping.wait(), timeout=self._policy.every)
            except TimeoutError:
                continue

    async def seal(self) -> int:
        """Everything that waits is sealed, batch by batch; how many events."""
        done = 0
        while sealed := await self._seal_batch():
            done += sealed
        return done

    async def sign(self) -> bool:
        """The newest head has a signature, if nobody else sees to that; whether this one made it."""
        if self._provider is None or not await self._runner.read(is_unsigned):
            return False
        head = await self._runner.run(claim_head, origin=self._origin, lease=self._policy.lease)
        if head is None:
            return False
        try:
            note = await asyncio.to_thread(sign_head, self._provider, head)
        except KeyProviderError as error:
            metrics.SIGNING_FAILED.labels(head.key.purpose).inc()
            self._log.warning("checkpoint_not_signed", size=head.checkpoint.size, problem=str(error))
            await self._runner.run(put_off, head, wait=self._policy.retry_after)
            return False
        return await self._runner.run(keep_checkpoint, head, note)

    async def _seal_batch(self) -> int:
        """How many events; none when nothing waits, or somebody else is at it."""
        if not await self._runner.read(has_unsealed):
            return 0
        context = RequestContext(correlation_id=mint_id(), source="worker")
        sealed = await self._runner.run(seal_events, limit=self._policy.batch, context=context)
        metrics.SEALED.inc(sealed.events)
        if sealed.unsealed:
            metrics.UNSEALABLE.inc(sealed.unsealed)
            self._log.error("events_not_sealable", count=sealed.unsealed)
        return sealed.events


def sign_head(provider: KeyProvider, head: ClaimedHead) -> str:
    """The checkpoint as a signed note.

    Raises:
        KeyProviderError: the provider can't sign now.
    """
    if head.key.public_key is None:
        raise KeyProviderError(f"key {head.key.key_id} has no public half")
    text = str(head.checkpoint)
    key = note_key(head.checkpoint.origin, head.key.public_key)
    signature = sign_text(text, key, lambda data: sign_note(provider, head.key, data))
    return str(Note(text, (signature,)))


def sign_note(provider: KeyProvider, key: KeyRecord, data: bytes) -> bytes:
    """A signature as notes want it: P-256 in ASN.1."""
    raw = provider.sign(key, data)
    if key.algorithm is not Algorithm.ES256:
        return raw
    numbers = (int.from_bytes(half, "big") for half in (raw[:_COORDINATE], raw[_COORDINATE:]))
    return encode_dss_signature(*numbers)
