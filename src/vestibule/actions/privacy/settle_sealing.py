# SPDX-License-Identifier: Apache-2.0
"""Whether addresses are sealed in this database: decided before the first, and never by halves (TOK-08)."""

from __future__ import annotations

from vestibule.core.keys import KeyRecord, Purpose
from vestibule.errors import ConfigurationError
from vestibule.ports import UnitOfWork

SEALED = "sealed"
PLAIN = "plain"
_SETTING = "VESTIBULE_ADDRESSES"
_RING = "VESTIBULE_KEYRING"


def settle_sealing(
    uow: UnitOfWork, wish: str, *, has_ring: bool, seals_by_default: bool, decides: bool = True
) -> KeyRecord | None:
    """The key of the indices; None where addresses stand in plain. Who does not decide follows.

    Raises:
        ConfigurationError: the *wish*, the key ring and what the database holds don't go together.
    """
    marked = uow.people.find_index_key_id()
    if marked is not None:
        return _get_marked(uow, marked, wish, has_ring=has_ring)
    if not decides and not wish:
        return None
    if wish == PLAIN or (not wish and not (has_ring and seals_by_default)):
        return None
    if not has_ring:
        raise ConfigurationError(_RING, "is not set although ADDRESSES is sealed", "Name the key ring")
    index, kek = uow.keys.find_active(Purpose.BLIND_INDEX), uow.keys.find_active(Purpose.KEK)
    if not wish and (index is None or kek is None or uow.people.holds_addresses()):
        return None
    if index is None or kek is None:
        missing = Purpose.BLIND_INDEX if index is None else Purpose.KEK
        raise ConfigurationError(
            _RING,
            f"holds no key {missing.value} in use, which sealed addresses need",
            f"Make it with: VESTIBULE_ADDRESSES=plain vestibule keys create {missing.value}",
        )
    if uow.people.holds_addresses():
        raise ConfigurationError(
            _SETTING,
            "is sealed, but this database holds addresses in plain",
            "Leave it out, or begin with an empty database: see docs/privacy.md",
        )
    uow.people.mark_sealed(index.key_id)
    uow.commit()
    return index


def find_kek(uow: UnitOfWork, key_id: str | None) -> KeyRecord | None:
    """A key that wraps others, by its id; without one, the one in use."""
    return uow.keys.find_active(Purpose.KEK) if key_id is None else uow.keys.find(key_id)


def _get_marked(uow: UnitOfWork, marked: str, wish: str, *, has_ring: bool) -> KeyRecord:
    if wish == PLAIN:
        raise ConfigurationError(
            _SETTING, "is plain, but the addresses in this database are sealed", "Set it to sealed"
        )
    if not has_ring:
        raise ConfigurationError(
            _RING, "is not set, but the addresses in this database are sealed", "Name the key ring"
        )
    key = uow.keys.find(marked)
    if key is None:
        raise ConfigurationError(
            _RING, f"has no record of the key {marked} that indexed the addresses here", "Restore the table"
        )
    return key
