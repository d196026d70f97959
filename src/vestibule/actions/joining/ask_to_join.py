# SPDX-License-Identifier: Apache-2.0
"""Ask to join a tenant: its administrators are told, and decide; the asker learns nothing (TEN-04, N07)."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.claiming import check_addresses
from vestibule.core.domain import Door, find_door
from vestibule.core.email import EmailAddress
from vestibule.core.event import JoinRequested
from vestibule.core.identity import Actor, RequestContext, VerifiedIdentity
from vestibule.core.joining import JoinPolicy, JoinRequest, join_hits
from vestibule.core.limits import Limits
from vestibule.core.message import JoinRequestNotice
from vestibule.core.tenant import Tenant
from vestibule.core.token import mint_id
from vestibule.errors import RateLimitedError
from vestibule.ports import UnitOfWork


def ask_to_join(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    *,
    context: RequestContext,
    limits: Limits,
    rules: JoinPolicy | None = None,
) -> None:
    """If a rule of this tenant lets one of the session's addresses ask, a request is open afterwards.

    Nothing is returned: whether the tenant exists, admits requests, has one already, or has rejected one
    lately, the caller answers the same.

    Raises:
        NotPermittedError: a key is nobody's identity.
        EmailUnverifiedError: the session has no verified address; decided before the tenant is looked at.
        RateLimitedError: too many tries, whatever they were for.
    """
    identity = authority.check_principal(actor)
    check_addresses(identity)
    kept_rules = rules or JoinPolicy()
    # Locked before the clock is read; what it is does not matter before the try is counted.
    tenant = uow.tenants.find(tenant_id, lock="share")
    wait = uow.limits.take(join_hits(limits, identity.principal_id, context.ip))
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.join_per_principal.count)
    address = None if tenant is None else _find_address(uow, identity, tenant)
    if tenant is not None and address is not None and _may_ask(uow, identity, tenant, kept_rules):
        _ask(uow, identity, tenant, address, context)
    uow.commit()


def _find_address(uow: UnitOfWork, identity: VerifiedIdentity, tenant: Tenant) -> EmailAddress | None:
    if tenant.state != "active":
        return None
    for verified in identity.addresses_in(tenant.tenant_id):
        rule = uow.domains.find_rule(tenant.tenant_id, verified.address.domain)
        if rule is None:
            continue
        door = find_door(rule, tenant.policy, verified.address, identity.connection)
        is_barred = uow.directory.is_barred(tenant.tenant_id, verified.address.key)
        if door is not None and door is not Door.SUGGEST and not is_barred:
            return verified.address
    return None


def _may_ask(uow: UnitOfWork, identity: VerifiedIdentity, tenant: Tenant, rules: JoinPolicy) -> bool:
    tenant_id, now = tenant.tenant_id, uow.now()
    standing = uow.members.find(tenant_id, identity.principal_id)
    record = uow.principals.find(identity.principal_id)
    if (standing is not None and standing.is_in_force(now)) or (
        record is not None and record.offboarded_at is not None
    ):
        return False
    if uow.join_requests.was_rejected(tenant_id, identity.principal_id, now - rules.rejected_for):
        return False
    return uow.join_requests.count_open(tenant_id, rules.open_max) < rules.open_max


def _ask(
    uow: UnitOfWork,
    identity: VerifiedIdentity,
    tenant: Tenant,
    address: EmailAddress,
    context: RequestContext,
) -> None:
    tenant_id = tenant.tenant_id
    request = JoinRequest(
        request_id=mint_id(),
        tenant_id=tenant_id,
        principal_id=identity.principal_id,
        address=address,
        created_at=uow.now(),
    )
    if not uow.join_requests.add(request):
        return
    uow.principals.remember(identity)
    event = JoinRequested(tenant_id=tenant_id, request_id=request.request_id)
    uow.audit.append(event, actor=identity, context=context)
    for administrator in uow.tenants.list_administrators(tenant_id, tenant.policy.administrators):
        uow.outbox.put(
            JoinRequestNotice(tenant_id=tenant_id, request_id=request.request_id, principal_id=administrator)
        )
