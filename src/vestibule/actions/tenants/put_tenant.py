# SPDX-License-Identifier: Apache-2.0
"""Put a tenant: name and policy as the host says (TEN-01). A deleted id never comes back (LIF-03)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vestibule.core import authority
from vestibule.core.event import TenantPut
from vestibule.core.identity import Actor, RequestContext, actor_id
from vestibule.core.naming import TENANT_NAME_MAX, check_name
from vestibule.core.policy import NOTHING, dump_policy, load_hash, load_policy, parse_own
from vestibule.core.policy.change import PolicyChange, PolicyInForce, compare_in_force
from vestibule.core.policy.compare import is_loosening
from vestibule.core.privacy import check_storage
from vestibule.core.tenant import Tenant
from vestibule.core.token import mint_id
from vestibule.errors import TenantDeletedError, UnavailableError
from vestibule.ports import UnitOfWork


def put_tenant(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    *,
    name: str,
    policy: Mapping[str, Any] | None,
    context: RequestContext,
) -> tuple[Tenant, bool]:
    """The tenant has this name and policy; also whether it is new. Without *policy* it keeps the one it has.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
        InvalidRequestError: the policy names something unknown or impossible, here.
        TenantDeletedError: this id was deleted.
    """
    authority.check_key(actor, "tenants", tenant_id=tenant_id)
    check_name("/name", name, TENANT_NAME_MAX)
    base = uow.policies.get_base()
    asked = None if policy is None else parse_own(base, policy)
    existing = uow.tenants.find(tenant_id, lock="update")
    if existing is not None and existing.deleted_at is not None:
        raise TenantDeletedError
    before = NOTHING if existing is None else existing.own_policy
    own = before if asked is None else asked
    check_storage(load_policy(base, own), is_sealed=uow.people.is_sealed())
    version = 1 if existing is None else existing.policy_version + (own != before)
    uow.tenants.put(
        tenant_id, name=name, own_policy=own, policy=load_policy(base, own), policy_version=version
    )
    if existing is None or own != before:
        in_force = PolicyInForce(tenant_id=tenant_id, base=base, own=before, version=version)
        _record(uow, actor, in_force, own)
    event = TenantPut(
        tenant_id=tenant_id,
        is_new=existing is None,
        policy_version=version,
        policy_hash=load_hash(base, own),
    )
    uow.audit.append(event, actor=actor, context=context)
    tenant = uow.tenants.find(tenant_id)
    if tenant is None:
        raise UnavailableError
    uow.commit()
    return tenant, existing is None


def _record(uow: UnitOfWork, actor: Actor, before: PolicyInForce, own: str) -> None:
    # The host is the authority: its word needs no second, but stands among the changes like any other.
    after = before.after(own)
    uow.policies.keep_document(dump_policy(after.policy))
    change = PolicyChange(
        change_id=mint_id(),
        tenant_id=before.tenant_id,
        document_hash=uow.policies.keep_document(own),
        base_hash=before.policy_hash,
        is_loosening=is_loosening(compare_in_force(before, after, ())),
        author_id=actor_id(actor),
        created_at=uow.now(),
    )
    uow.policies.add_change(change)
    uow.policies.set_activated(change.tenant_id, change.change_id)
