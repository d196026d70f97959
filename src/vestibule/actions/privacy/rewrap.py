# SPDX-License-Identifier: Apache-2.0
"""After a rotation of ``kek`` every data key is wrapped anew, a batch at a time (TOK-04, CRYPTO.md 2.4).

Each row says by which key it is wrapped, so it can stop anywhere, and any number of workers can do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vestibule.core import authority
from vestibule.core.identity import Actor
from vestibule.core.keys import Purpose
from vestibule.ports import UnitOfWork


def rewrap(uow: UnitOfWork, *, limit: int) -> int:
    """At most *limit* data keys are wrapped by the key in use; how many, 0 when all of them are."""
    done = uow.people.rewrap(limit)
    uow.commit()
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """Whether addresses are sealed, which key wraps, and how many data keys each key wraps."""

    is_sealed: bool
    kek_id: str | None
    wrapped: Mapping[str, int]


def review_sealing(uow: UnitOfWork, actor: Actor) -> Sealing:
    """How it stands with the addresses.

    Raises:
        NotPermittedError: *actor* is not the deployment's host.
    """
    authority.check_key(actor, "tenants")
    active = uow.keys.find_active(Purpose.KEK)
    return Sealing(
        is_sealed=uow.people.find_index_key_id() is not None,
        kek_id=None if active is None else active.key_id,
        wrapped=uow.people.count_wrapped(),
    )
