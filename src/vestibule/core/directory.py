# SPDX-License-Identifier: Apache-2.0
"""What a tenant's directory says of its people, as values (CRYPTO.md 11.5). A directory takes away; it
grants nothing: neither a user nor a group in it makes anybody a member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.errors import DirectoryBarredError

USER_NAME_MAX = 320
EXTERNAL_ID_MAX = 255
PAGE_MAX = 200
GROUP_NAME_MAX = 255
UserField = Literal["id", "user_name", "external_id"]
GroupField = Literal["id", "group_name", "external_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryDraft:
    """What a directory says about one user; *document* is the whole of it as JSON."""

    user_name: str
    external_id: str | None
    is_active: bool
    addresses: frozenset[str]
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUser:
    """A user as kept. ``user_name`` is the key it is found by; the spelling is in the document."""

    tenant_id: str
    user_id: str
    user_name: str
    external_id: str | None
    is_active: bool
    document: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDraft:
    """What a directory says about one group; *document* is the whole of it as JSON."""

    group_name: str
    external_id: str | None
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryGroup:
    """A group as kept: for the directory's own book-keeping."""

    tenant_id: str
    group_id: str
    document: str
    created_at: datetime
    changed_at: datetime


Kept = TypeVar("Kept", DirectoryUser, DirectoryGroup)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryPage(Generic[Kept]):
    """A part of a list, counted from 1 as SCIM does."""

    total: int
    items: tuple[Kept, ...]


def fold_user_name(user_name: str) -> str:
    """The key of a user name: two spellings of one name are one user (RFC 7643 4.1.1)."""
    return user_name.casefold()[:USER_NAME_MAX]


def read_addresses(document: Mapping[str, Any]) -> frozenset[str]:
    """The keys of every address in a user's document: its name, if it is one, and its emails."""
    emails = document.get("emails")
    said = [one.get("value") for one in emails if isinstance(one, dict)] if isinstance(emails, list) else []
    keys = set()
    for text in [document.get("userName"), *said]:
        if not isinstance(text, str):
            continue
        try:
            keys.add(EmailAddress.parse_input(text).key)
        except AddressFaultError:
            # Not every user name is an address; and what is none was never invited.
            continue
    return frozenset(keys)


def check_not_barred(*, is_barred: bool) -> None:
    """The tenant's directory has not deactivated this address (ATTACKS D15).

    Raises:
        DirectoryBarredError: it has.
    """
    if is_barred:
        raise DirectoryBarredError
