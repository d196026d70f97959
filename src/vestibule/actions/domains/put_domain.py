# SPDX-License-Identifier: Apache-2.0
"""Put and remove a domain of a tenant: its rung, and the role its rule gives (TEN-03). Owners only (D12)."""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.core import authority
from vestibule.core.domain import (
    DomainDraft,
    DomainView,
    ProofPolicy,
    Rung,
    TenantDomain,
    check_default_role,
    check_domain_kind,
    rule_name,
)
from vestibule.core.event import DomainPut, DomainRemoved, InvitationRevoked
from vestibule.core.identity import Actor, HostKey, RequestContext
from vestibule.core.tenant import Tenant
from vestibule.core.token import mint_challenge
from vestibule.errors import DomainNotProvedError, FieldFault, InvalidRequestError, NotFoundError
from vestibule.ports import DomainNames, UnitOfWork

DEFAULT_ROLE = "member"


def put_domain(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    domain: str,
    draft: DomainDraft,
    *,
    names: DomainNames,
    context: RequestContext,
    rules: ProofPolicy | None = None,
) -> tuple[DomainView, bool]:
    """The domain stands on the rung and its rule gives the role of *draft*; also whether it is new.

    What the rule had promised before a change is revoked; with ``deny``, everything pending at the domain.

    Raises:
        NotFoundError, NotPermittedError: no key with the scope ``tenants``, and no owner of this tenant.
        InvalidRequestError: a public suffix; a rung or role that this domain or tenant can't have; too many.
        DomainNotProvedError: the rung needs a live proof.
    """
    tenant = _authorise(uow, actor, tenant_id)
    before = uow.domains.find(tenant_id, domain)
    wanted_rung = draft.rung or (before.rung if before is not None else Rung.INVITE_ONLY)
    wanted_role = draft.role or (before.role if before is not None else DEFAULT_ROLE)
    check_domain_kind(names.classify(domain), wanted_rung)
    check_default_role(tenant.policy, wanted_role)
    _check_rung(uow, tenant, before, wanted_rung)
    revoked = 0
    if before is None:
        _add(uow, tenant_id, domain, wanted_rung, wanted_role, rules or ProofPolicy())
    else:
        uow.domains.set_rung(tenant_id, domain, rung=wanted_rung, role=wanted_role)
    if before is not None and (before.rung, before.role) != (wanted_rung, wanted_role):
        revoked += _revoke_of_rule(uow, actor, tenant_id, domain, context)
    if wanted_rung is Rung.DENY:
        ended = uow.invitations.revoke_of_domain(tenant_id, domain, "domain_denied")
        revoked += _record(uow, actor, ended, "domain_denied", context)
    event = DomainPut(
        tenant_id=tenant_id,
        domain=domain,
        rung=wanted_rung.value,
        role=wanted_role,
        previous_rung=None if before is None else before.rung.value,
        revoked_count=revoked,
    )
    uow.audit.append(event, actor=actor, context=context)
    after = uow.domains.find(tenant_id, domain)
    if after is None:
        raise NotFoundError
    uow.commit()
    return DomainView(domain=after, now=uow.now()), before is None


def remove_domain(
    uow: UnitOfWork, actor: Actor, tenant_id: str, domain: str, *, context: RequestContext
) -> None:
    """The tenant says nothing about the domain any more; what its rule had promised is revoked.

    Raises:
        NotFoundError, NotPermittedError: as ``put_domain``; or there is no such domain.
    """
    _authorise(uow, actor, tenant_id)
    if not uow.domains.remove(tenant_id, domain):
        raise NotFoundError
    revoked = _revoke_of_rule(uow, actor, tenant_id, domain, context)
    event = DomainRemoved(tenant_id=tenant_id, domain=domain, revoked_count=revoked)
    uow.audit.append(event, actor=actor, context=context)
    uow.commit()


def _authorise(uow: UnitOfWork, actor: Actor, tenant_id: str) -> Tenant:
    if isinstance(actor, HostKey):
        authority.check_key(actor, "tenants", tenant_id=tenant_id)
    # Alone on the tenant: what is being promised under the old rung is seen, and revoked.
    tenant = uow.tenants.find(tenant_id, lock="update")
    if not isinstance(actor, HostKey):
        authority.check_owner(tenant, uow.members.find(tenant_id, actor.principal_id), uow.now())
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    return tenant


def _check_rung(uow: UnitOfWork, tenant: Tenant, before: TenantDomain | None, rung: Rung) -> None:
    if rung.needs_proof and (before is None or not before.is_proved(uow.now())):
        raise DomainNotProvedError
    if rung is Rung.SSO_REQUIRED and tenant.policy.require_connection is None:
        told = "The tenant requires no connection; set require_connection in its policy first."
        raise InvalidRequestError(FieldFault("/rung", told))


def _add(uow: UnitOfWork, tenant_id: str, domain: str, rung: Rung, role: str, rules: ProofPolicy) -> None:
    if uow.domains.count(tenant_id) >= rules.domains_max:
        raise InvalidRequestError(FieldFault("/domain", f"A tenant has at most {rules.domains_max} domains."))
    uow.domains.add(
        TenantDomain(
            tenant_id=tenant_id,
            domain=domain,
            rung=rung,
            role=role,
            challenge=mint_challenge(),
            created_at=uow.now(),
        )
    )


def _revoke_of_rule(
    uow: UnitOfWork, actor: Actor, tenant_id: str, domain: str, context: RequestContext
) -> int:
    reason = "domain_changed"
    ended = uow.invitations.revoke_of_inviter(rule_name(domain), reason, tenant_id=tenant_id)
    return _record(uow, actor, ended, reason, context)


def _record(
    uow: UnitOfWork, actor: Actor, ended: Sequence[tuple[str, str]], reason: str, context: RequestContext
) -> int:
    for tenant_id, invitation_id in ended:
        event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason=reason)
        uow.audit.append(event, actor=actor, context=context)
    return len(ended)
