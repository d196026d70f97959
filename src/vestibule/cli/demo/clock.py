# SPDX-License-Identifier: Apache-2.0
"""The demonstration's clock: the machine's, which the script can move forward to watch things expire."""

from __future__ import annotations

from datetime import datetime, timedelta

from vestibule.storage.unit_of_work import system_clock


class MovableClock:
    """Call it for the time. PostgreSQL doesn't listen to it: there the database's own clock decides."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return system_clock() + self._ahead

    def advance(self, by: timedelta) -> None:
        """From now on it is *by* later."""
        self._ahead += by
