# SPDX-License-Identifier: Apache-2.0
"""What one settled claim does to the seat ledger (DESIGN.md ruling 8), the same on both engines; and the rule
that must still be in force when it is written.
"""

from __future__ import annotations

from typing import Any

from vestibule.core.binding import Grant
from vestibule.ports import Settlement

_FULLEST = 0  # any shard: the settling statement gives back to the fullest, whichever that is


def seat_change(settlement: Settlement) -> tuple[int | None, int]:
    """(shard, change): an accept converts its own reservation, a member costs nothing, else a seat is taken.

    A member whose invitation had reserved a seat gives that reservation back. Without a limit: (None, 0).
    """
    if settlement.grant.policy.seat_limit is None:
        return None, 0
    if settlement.holds_seat:
        return (_FULLEST, -1) if settlement.grant.has_reservation else (None, 0)
    if settlement.grant.has_reservation:
        return None, 0
    return settlement.seat_shard, 1


def seat_return(settlement: Settlement) -> tuple[int | None, int]:
    """(shard, change) of a decline: a reservation is given back."""
    if settlement.grant.policy.seat_limit is None or not settlement.grant.has_reservation:
        return None, 0
    return _FULLEST, -1


def rule_values(grant: Grant) -> dict[str, Any]:
    """The rule of a domain that promised, as the snapshot found it; nothing where a person did."""
    if not grant.is_by_rule or grant.domain_rule is None:
        return {"rule_domain": None, "rule_rung": None}
    return {"rule_domain": grant.invited_email.domain, "rule_rung": grant.domain_rule.rung.value}
