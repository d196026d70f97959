# SPDX-License-Identifier: Apache-2.0
"""Who may do what in a tenant: the permission checks that every action's first lines call.

What a principal may do comes from its membership, never from a claim. Who does not belong to the tenant
learns nothing, not even that it exists (DESIGN.md ruling 13).
"""

from __future__ import annotations

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


def check_key(actor: Actor, scope: Scope) -> None:
    """Only the host backend with this scope passes.

    Raises:
        NotPermittedError: a principal, or a key without *scope*.
    """
    if not isinstance(actor, HostKey) or scope not in actor.scopes:
        raise NotPermittedError("This needs an API key with the scope " + scope + ".")


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


def check_owner(tenant: Tenant | None, standing: Membership | None, now: datetime) -> Membership:
    """A member in force who owns the tenant: how its people sign in decides who they are.

    Raises:
        NotFoundError: no such tenant, or the caller does not belong to it.
        NotPermittedError: a member without the right.
    """
    membership = check_member(tenant, standing, now)
    if membership.role != OWNER:
        raise NotPermittedError
    return membership


def check_active(tenant: Tenant) -> None:
    """Nothing new is promised while a tenant is suspended.

    Raises:
        TenantSuspendedError: it is suspended.
    """
    if tenant.suspended_at is not None:
        raise TenantSuspendedError


def check_may_grant(policy: Policy, granting: str, granted: str) -> None:
    """May *granting* promise *granted* by invitation? (ISS-03)

    Elevating roles need a second principal's approval, which this release does not offer; until then they
    can't be granted by invitation at all (ruling 10).

    Raises:
        NotPermittedError: this role may invite nobody.
        RoleNotAssignableError: it may invite, but not to that role.
    """
    if not policy.assignable.get(granting):
        raise NotPermittedError
    if granted in policy.elevating or not policy.may_grant(granting, granted):
        raise RoleNotAssignableError


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
