# SPDX-License-Identifier: Apache-2.0
"""The keeper of the keys: makes the next key ahead of its time, and puts it in use when it is due (TOK-04).

Any number may run: each turn is judged again under a lock, and taken once. The provider is asked in a thread
and outside of every transaction: a slow one holds up neither mail nor the database.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from vestibule.actions.keys.turn_keys import DueTurn, draw_key, list_turns, take_turn
from vestibule.core.identity import RequestContext
from vestibule.core.keys import KeyRecord, KeySchedule, Turn
from vestibule.core.token import mint_id
from vestibule.errors import KeyProviderError
from vestibule.log import get_logger
from vestibule.ports import KeyProvider, Runner

# Raises KeyProviderError unless the provider can use the key.
Prove = Callable[[KeyProvider, KeyRecord], None]


class KeyKeeper:
    """Keeps the purposes of ``schedule.rotating``, and gives a successor to any key that was given up."""

    def __init__(
        self, runner: Runner, provider: KeyProvider, prove: Prove, schedule: KeySchedule | None = None
    ) -> None:
        self._runner = runner
        self._provider = provider
        self._prove = prove
        self._schedule = schedule or KeySchedule()
        self._log = get_logger()

    async def keep(self) -> int:
        """Everything that is due, each on its own; how many turns were taken."""
        taken = 0
        for due in await self._runner.read(list_turns, schedule=self._schedule):
            try:
                taken += await self._take(due)
            except KeyProviderError as error:
                # Nothing has changed; it is due again in the next sweep.
                self._log.error("key_provider_failed", purpose=due.purpose, problem=error.finding)
        return taken

    async def _take(self, due: DueTurn) -> bool:
        drawn: KeyRecord | None = None
        if due.turn is Turn.CREATE:
            drawn = await asyncio.to_thread(draw_key, self._provider, due.purpose, due.now)
        elif due.pending is not None:
            # A key that can't sign must not take the place of one that can.
            await asyncio.to_thread(self._prove, self._provider, due.pending)
        context = RequestContext(correlation_id=mint_id(), source="worker")
        is_taken = await self._runner.run(take_turn, due, drawn, schedule=self._schedule, context=context)
        if is_taken:
            self._log.info("key_turned", purpose=due.purpose, turn=due.turn.value)
        elif drawn is not None:
            # Somebody was faster: this one was never anybody's.
            with contextlib.suppress(KeyProviderError):
                await asyncio.to_thread(self._provider.destroy, drawn)
        return is_taken
