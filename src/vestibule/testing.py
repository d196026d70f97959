# SPDX-License-Identifier: Apache-2.0
"""For the tests of applications that embed Vestibule: a clock, an identity, and the letters that went out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vestibule.core.identity import VerifiedIdentity
from vestibule.core.message import Letter
from vestibule.embedding import host_identity
from vestibule.errors import TransientDeliveryError


@dataclass(slots=True)
class FrozenClock:
    """A clock that moves only when told: ``Vestibule(clock=FrozenClock())``. On SQLite only, where the
    database has no clock of its own.
    """

    now: datetime = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        """Move forward by *step*."""
        self.now += step


def make_identity(principal_id: str = "vera", *addresses: str, name: str | None = None) -> VerifiedIdentity:
    """Somebody whose *addresses* are verified; ``<principal_id>@example.com`` when none is given."""
    return host_identity(principal_id, *(addresses or (f"{principal_id}@example.com",)), name=name)


@dataclass(slots=True)
class Letters:
    """Captured letters: give the object itself to ``Vestibule.deliver`` as *send*."""

    sent: list[Letter] = field(default_factory=list)
    failures: int = 0

    def __call__(self, letter: Letter) -> None:
        if self.failures:
            self.failures -= 1
            raise TransientDeliveryError("told to fail")
        self.sent.append(letter)

    def fail(self, times: int) -> None:
        """Refuse the next *times* letters, as a mail server that is down would."""
        self.failures = times

    def to(self, address: str) -> list[Letter]:
        """What went to *address*, the oldest first."""
        return [letter for letter in self.sent if letter.recipient.address_key == address]

    def link_to(self, address: str) -> str:
        """The newest link that went to *address*."""
        return next(letter.link for letter in reversed(self.to(address)) if letter.link is not None)

    def token_to(self, address: str) -> str:
        """The claim token of that link."""
        return self.link_to(address).rpartition("/")[2]
