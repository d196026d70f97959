# SPDX-License-Identifier: Apache-2.0
"""Who may do what in a tenant: the permission checks that every action's first lines call.

What a principal may do comes from its membership, never from a claim. Who does not belong to the tenant
learns nothing, not even that it exists (DESIGN.md ruling 13).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from vestibule.core.identity import Actor, HostKey, Scope, VerifiedIdentity
from vestibule.core.policy import OWNER, Policy
from vestibule.core.tenant import Membership, Tenant
from vestibule.errors import (
    NotFoundError,
    NotPermittedError,
    RoleNotAssignableError,
    TenantSuspendedError,
)


def check_key(actor: Actor, scope: Scope, *, tenant_id: str | None = None) -> None:
    """Only the host backend with this scope passes; a key bound to a tenant only in that one.

    Without *tenant_id* the act is on the deployment, or on many tenants: nothing for a bound key.

    Raises:
        NotPermittedError: a principal, a key without *scope*, or a bound key where it has no say.
        NotFoundError: a bound key asks about another tenant.
    """
    if not isinstance(actor, HostKey) or actor.act is not None or scope not in actor.scopes:
        raise NotPermittedError("This needs an API key with the scope " + scope + ".")
    if actor.tenant_id is not None and tenant_id is None:
        raise NotPermittedError("This needs an API key that is not bound to one tenant.")
    if actor.tenant_id is not None and actor.tenant_id != tenant_id:
        raise NotFoundError


def check_offboard(actor: Actor, principal_id: str) -> None:
    """Only the host offboards: by a key with the scope ``principals``, or by an order for this principal.

    Raises:
        NotPermittedError: anybody else.
    """
    if isinstance(actor, HostKey) and actor.act is not None:
        if actor.act.principal_id != principal_id:
            raise NotPermittedError("This order is for another principal.")
        return
    check_key(actor, "principals")


def check_directory(actor: Actor) -> str:
    """The tenant whose directory speaks: the one that its key is bound to.

    Raises:
        NotPermittedError: a principal, a key without the scope ``directory``, or one bound to no tenant.
    """
    if not isinstance(actor, HostKey) or "directory" not in actor.scopes or actor.tenant_id is None:
        raise NotPermittedError("This needs an API key with the scope directory, bound to a tenant.")
    return actor.tenant_id


def check_principal(actor: Actor) -> VerifiedIdentity:
    """Only a principal passes; a key is nobody's identity.

    Raises:
        NotPermittedError: *actor* is a key.
    """
    if isinstance(actor, HostKey):
        raise NotPermittedError("This needs a principal: send its assertion, not an API key.")
    return actor


def check_administrator(tenant: Tenant | None, standing: Membership | None, now: datetime) -> Membership:
    """A member in force whose role administers the tenant.

    Raises:
        NotFoundError: no such tenant, or the caller does not belong to it.
        NotPermittedError: a member without the right.
    """
    membership = check_member(tenant, standing, now)
    if tenant is None or membership.role not in tenant.policy.administrators:
        raise NotPermittedError
    return membership


def check_overseer(
    actor: Actor,
    scope: Scope,
    tenant_id: str,
    tenant: Tenant | None,
    standing: Membership | None,
    now: datetime,
) -> Tenant:
    """The host by a key with *scope*, or an administrator: who may see all of a live tenant; that tenant.

    Raises:
        NotFoundError: no such tenant, or the actor does not belong to it.
        NotPermittedError: a key without *scope*, or a member without the right.
    """
    if isinstance(actor, HostKey):
        check_key(actor, scope, tenant_id=tenant_id)
    else:
        check_administrator(tenant, standing, now)
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    return tenant


def check_owner(tenant: Tenant | None, standing: Membership | None, now: datetime) -> Membership:
    """An owner in force: for switches that decide who gets in without a word (ATTACKS D12, K11).

    Raises:
        NotFoundError: no such tenant, or the caller does not belong to it.
        NotPermittedError: a member who does not own it.
    """
    membership = check_member(tenant, standing, now)
    if membership.role != OWNER:
        raise NotPermittedError
    return membership


def check_member(tenant: Tenant | None, standing: Membership | None, now: datetime) -> Membership:
    """A member in force of a tenant that is not deleted.

    Raises:
        NotFoundError: no such tenant, or the caller does not belong to it.
    """
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    if standing is None or not standing.is_in_force(now):
        raise NotFoundError
    return standing


def check_active(tenant: Tenant) -> None:
    """Nothing new is promised while a tenant is suspended.

    Raises:
        TenantSuspendedError: it is suspended.
    """
    if tenant.suspended_at is not None:
        raise TenantSuspendedError


def check_may_grant(policy: Policy, granting: str, granted: str) -> None:
    """May *granting* promise *granted* by invitation? (ISS-03) An elevating role is held for approval.

    Raises:
        NotPermittedError: this role may invite nobody.
        RoleNotAssignableError: it may invite, but not to that role.
    """
    if not policy.assignable.get(granting):
        raise NotPermittedError
    if not policy.may_grant(granting, granted):
        raise RoleNotAssignableError


def check_inviter(policy: Policy, inviter: Membership | None, roles: Iterable[str], now: datetime) -> None:
    """Whoever asked for this still stands in the tenant and may still grant *roles*.

    Raises:
        RoleNotAssignableError: not any more.
    """
    stands = inviter is not None and inviter.is_in_force(now)
    if inviter is None or not stands or not all(policy.may_grant(inviter.role, role) for role in roles):
        raise RoleNotAssignableError("Whoever asked for this may not grant it any more.")


def check_may_remove(policy: Policy, removing: Membership, removed: Membership) -> None:
    """A member may leave; otherwise only whom one may make, one may remove (ATTACKS D13).

    Raises:
        NotPermittedError: the removing role may not grant the removed one.
    """
    if removing.principal_id == removed.principal_id:
        return
    if removing.role not in policy.administrators or not policy.may_grant(removing.role, removed.role):
        raise NotPermittedError
    if removed.role == OWNER and removing.role != OWNER:
        raise NotPermittedError
