# SPDX-License-Identifier: Apache-2.0
"""Who may see, change and approve a policy (ATTACKS D12).

The deployment's policy is its operators': a key with the scope ``tenants``. A tenant's is seen by its
administrators and changed by its owners, or by such a key; an administrator who is no owner can't weaken the
rules under which it works. What loosens needs two people: two accounts of one, or an account that its author
has just invited, are none (as for the approval of a request).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from vestibule.core import authority
from vestibule.core.approval import Approver
from vestibule.core.identity import Actor, HostKey, actor_id
from vestibule.core.policy import OWNER, Policy
from vestibule.core.policy.change import DEPLOYMENT, PolicyChange
from vestibule.core.tenant import Membership, Tenant
from vestibule.errors import NotFoundError, NotPermittedError


def check_may_see(
    actor: Actor, tenant_id: str, tenant: Tenant | None, standing: Membership | None, now: datetime
) -> None:
    """An administrator of the tenant, or a key with the scope ``tenants``; for the deployment only the key.

    Raises:
        NotPermittedError: the actor is neither.
        NotFoundError: no such tenant, or the actor does not belong to it.
    """
    if isinstance(actor, HostKey) or tenant_id == DEPLOYMENT:
        authority.check_key(actor, "tenants")
        if tenant_id != DEPLOYMENT and (tenant is None or tenant.deleted_at is not None):
            raise NotFoundError
        return
    authority.check_administrator(tenant, standing, now)


def check_may_change(
    actor: Actor, tenant_id: str, tenant: Tenant | None, standing: Membership | None, now: datetime
) -> None:
    """The same, but of a tenant's members only an owner.

    Raises:
        NotPermittedError: the actor may only look.
        NotFoundError: no such tenant, or the actor does not belong to it.
    """
    check_may_see(actor, tenant_id, tenant, standing, now)
    if not isinstance(actor, HostKey) and (standing is None or standing.role != OWNER):
        raise NotPermittedError("Only an owner changes the tenant's policy.")


def check_second_person(
    actor: Actor,
    change: PolicyChange,
    policy: Policy,
    people: tuple[Approver, Approver] | None,
    now: datetime,
) -> None:
    """Nobody approves a change of one's own. *people*: the author and the actor, where both are members.

    Raises:
        NotPermittedError: the actor is its author, by another account too, or was just invited by the author.
    """
    if actor_id(actor) == change.author_id:
        raise NotPermittedError("A second person approves what loosens: somebody else than its author.")
    if people is None:
        return
    author, approver = people
    if approver.addresses & author.addresses:
        raise NotPermittedError("A second person approves what loosens: not another account of its author's.")
    is_recent = now < approver.membership.created_at + timedelta(seconds=policy.separation)
    if is_recent and approver.invited_by == change.author_id:
        raise NotPermittedError("Who was invited by the author a short while ago can't approve for it.")
