# SPDX-License-Identifier: Apache-2.0
"""What is done with policies, told as a story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.lanes import Call
from tests.world import HOST, OLGA, World
from vestibule.actions.policies.change_policy import (
    ProposedChange,
    activate_change,
    approve_change,
    propose_change,
    roll_back,
    withdraw_change,
)
from vestibule.actions.policies.review_policy import (
    Explained,
    Reevaluated,
    explain,
    get_policy,
    reevaluate,
    simulate,
)
from vestibule.core.identity import Actor
from vestibule.core.policy.change import PolicyChange, PolicyInForce
from vestibule.core.policy.replay import Replayed


class Office:
    """What is done with policies in a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def propose(
        self, document: Mapping[str, Any], *, by: Actor = OLGA, of: str = "acme"
    ) -> Call[ProposedChange]:
        context = self.world.context
        return Call("run", lambda uow: propose_change(uow, by, of, document, context=context))

    def approve(self, change_id: str, *, by: Actor, of: str = "acme") -> Call[PolicyChange]:
        return Call("run", lambda uow: approve_change(uow, by, of, change_id, context=self.world.context))

    def activate(self, change_id: str, *, by: Actor = OLGA, of: str = "acme") -> Call[PolicyChange]:
        return Call("run", lambda uow: activate_change(uow, by, of, change_id, context=self.world.context))

    def withdraw(self, change_id: str, *, by: Actor = OLGA, of: str = "acme") -> Call[PolicyChange]:
        return Call("run", lambda uow: withdraw_change(uow, by, of, change_id, context=self.world.context))

    def roll_back(self, *, by: Actor = OLGA, of: str = "acme") -> Call[ProposedChange]:
        return Call("run", lambda uow: roll_back(uow, by, of, context=self.world.context))

    def get(self, *, by: Actor = OLGA, of: str = "acme") -> Call[PolicyInForce]:
        return Call("read", lambda uow: get_policy(uow, by, of))

    def simulate(
        self, document: Mapping[str, Any], *, by: Actor = OLGA, last: int = 100, of: str = "acme"
    ) -> list[Replayed]:
        return list(self.world.do(Call("read", lambda uow: simulate(uow, by, of, document, last=last))))

    def explain(self, event_id: str, *, by: Actor = HOST, of: str | None = None) -> Call[Explained]:
        return Call("read", lambda uow: explain(uow, by, event_id, tenant_id=of))

    def reevaluate(self, *, by: Actor = OLGA, revoke: bool = False) -> list[Reevaluated]:
        context = self.world.context
        found: Sequence[Reevaluated] = self.world.do(
            Call("run", lambda uow: reevaluate(uow, by, "acme", revoke=revoke, context=context))
        )
        return list(found)

    def enact(self, document: Mapping[str, Any], *, by: Actor = HOST, of: str = "acme") -> PolicyChange:
        """Propose and activate what tightens."""
        change_id = self.world.do(self.propose(document, by=by, of=of)).change.change_id
        return self.world.do(self.activate(change_id, by=by, of=of))
