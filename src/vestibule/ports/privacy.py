# SPDX-License-Identifier: Apache-2.0
"""Personal data at rest: what seals addresses, and what is held of one person (TOK-08, LIF-06)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One address in one tenant (or, without one, in the deployment), as stored: everything here may leak.

    ``subject`` is its index, ``wrapped_key`` its own key under the key ``kek_id``, ``sealed`` the address.
    """

    scope: str
    subject: str
    kek_id: str
    wrapped_key: str
    sealed: str


class AddressSealer(Protocol):
    """Indexes, seals and opens; in memory, but for keys that are new to this process.

    Opening raises KeyProviderError when a key can't be had, or when what is opened is not what was sealed.
    """

    def index(self, scope: str, address: str) -> str:
        """The stored form of an address, the same each time."""

    def index_domain(self, scope: str, domain: str) -> str:
        """What the stored form of each address at *domain* ends in."""

    def blind(self, digest: bytes) -> bytes:
        """What is stored for a digest that somebody could guess their way to."""

    def make_subject(self, scope: str, address: str) -> Subject:
        """With a new key of its own."""

    def open_address(self, subject: Subject) -> str: ...

    def seal_text(self, subject: Subject, place: str, text: str) -> bytes:
        """*place*: the row's id and the column, to which what is sealed is bound."""

    def open_text(self, subject: Subject, place: str, sealed: bytes) -> str: ...

    def rewrap(self, subject: Subject) -> Subject:
        """The same key, under the key that wraps now."""

    def kek_id(self) -> str:
        """The key that wraps now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is meant: the principals that assert an address, and every address that they assert."""

    principal_ids: tuple[str, ...]
    addresses: tuple[str, ...]


class People(Protocol):
    """What is held of people, across every table and tenant; and whether it is sealed here."""

    def find_person(self, *, address: str | None, principal_id: str | None) -> Person: ...

    def describe(self, person: Person) -> dict[str, Any]:
        """Everything held of one person, and nothing of anybody else."""

    def erase(self, person: Person) -> Mapping[str, int]:
        """Gone from every table; open invitations were ended before. How many rows, by what they were."""

    def erase_final(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """What was over before then is anonymised: tenant and invitation of each."""

    def find_index_key_id(self) -> str | None:
        """The key of the indices, where addresses are sealed here."""

    def holds_addresses(self) -> bool: ...

    def is_sealed(self) -> bool:
        """Do addresses stand sealed here?"""

    def mark_sealed(self, index_key_id: str) -> None: ...

    def rewrap(self, limit: int) -> int:
        """Keys that another than the present key wraps are wrapped by it; how many, 0 when all are."""

    def count_wrapped(self) -> Mapping[str, int]:
        """How many data keys each key wraps."""
