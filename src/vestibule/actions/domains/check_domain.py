# SPDX-License-Identifier: Apache-2.0
"""Look for the proof of a domain: what is to be looked for, then, outside of any transaction, what was found.

A look that fails takes nothing away: a live proof stands until its end, and owners are told when it begins to
fail. The worker looks again every day by the same two steps (TEN-03).
"""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.core import authority
from vestibule.core.domain import (
    DomainAnswer,
    DomainFinding,
    DomainView,
    ProofPolicy,
    TenantDomain,
    check_domain_kind,
    judge_answer,
)
from vestibule.core.event import DomainProofFailing, DomainProved
from vestibule.core.identity import Actor, HostKey, RequestContext
from vestibule.core.limits import Limits, hit
from vestibule.core.message import DomainNotice
from vestibule.core.policy import OWNER
from vestibule.errors import NotFoundError, RateLimitedError
from vestibule.ports import DomainNames, UnitOfWork


def begin_check(
    uow: UnitOfWork, actor: Actor, tenant_id: str, domain: str, *, names: DomainNames, limits: Limits
) -> TenantDomain:
    """The domain whose record the caller now looks up.

    Raises:
        NotFoundError, NotPermittedError: no key with the scope ``tenants``, no owner; or no such domain.
        InvalidRequestError: anybody can have an address there; it is never proved.
        RateLimitedError: too often for this tenant.
    """
    found = _authorise(uow, actor, tenant_id, domain)
    check_domain_kind(names.classify(domain), None)
    wait = uow.limits.take([hit("domain_check", tenant_id, limits.domain_check_per_tenant)])
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.domain_check_per_tenant.count)
    uow.commit()
    return found


def finish_check(
    uow: UnitOfWork,
    actor: Actor,
    looked_at: TenantDomain,
    answer: DomainAnswer,
    *,
    context: RequestContext,
    rules: ProofPolicy | None = None,
) -> DomainView:
    """What DNS answered is recorded; the domain as it stands now.

    Raises:
        NotFoundError, NotPermittedError: as ``begin_check``; or the domain was removed meanwhile.
    """
    _authorise(uow, actor, looked_at.tenant_id, looked_at.domain)
    kept_rules = rules or ProofPolicy()
    finding = judge_answer(answer, looked_at.record_value, kept_rules)
    after = _record(uow, actor, looked_at, finding, kept_rules, context)
    uow.commit()
    return DomainView(domain=after, now=uow.now())


def list_due(uow: UnitOfWork, *, limit: int, rules: ProofPolicy | None = None) -> Sequence[TenantDomain]:
    """Live proofs that are to be looked for again; for the worker alone."""
    return uow.domains.list_due(rules or ProofPolicy(), limit)


def recheck(
    uow: UnitOfWork,
    looked_at: TenantDomain,
    answer: DomainAnswer,
    *,
    names: DomainNames,
    context: RequestContext,
    rules: ProofPolicy | None = None,
) -> None:
    """What the worker found is recorded. A domain that has become a public one is not proved again."""
    kept_rules = rules or ProofPolicy()
    is_provable = names.classify(looked_at.domain) is None
    finding = judge_answer(answer, looked_at.record_value, kept_rules)
    try:
        _record(
            uow,
            "clock",
            looked_at,
            finding if is_provable else DomainFinding.NOT_PROVABLE,
            kept_rules,
            context,
        )
    except NotFoundError:
        return
    uow.commit()


def _authorise(uow: UnitOfWork, actor: Actor, tenant_id: str, domain: str) -> TenantDomain:
    tenant = uow.tenants.find(tenant_id)
    if isinstance(actor, HostKey):
        authority.check_key(actor, "tenants", tenant_id=tenant_id)
    else:
        authority.check_owner(tenant, uow.members.find(tenant_id, actor.principal_id), uow.now())
    found = uow.domains.find(tenant_id, domain)
    if tenant is None or tenant.deleted_at is not None or found is None:
        raise NotFoundError
    return found


def _record(
    uow: UnitOfWork,
    actor: Actor | str,
    looked_at: TenantDomain,
    finding: DomainFinding,
    rules: ProofPolicy,
    context: RequestContext,
) -> TenantDomain:
    tenant_id, name, now = looked_at.tenant_id, looked_at.domain, uow.now()
    before = uow.domains.find(tenant_id, name)
    is_found = finding is DomainFinding.PROVED
    expires_at = now + rules.lifetime if is_found else None
    if before is None or not uow.domains.record_look(looked_at, finding, proof_expires_at=expires_at):
        raise NotFoundError
    if is_found and not before.is_proved(now):
        uow.audit.append(DomainProved(tenant_id=tenant_id, domain=name), actor=actor, context=context)
    if not is_found and before.is_proved(now) and before.finding is DomainFinding.PROVED:
        event = DomainProofFailing(tenant_id=tenant_id, domain=name, finding=finding.value)
        uow.audit.append(event, actor=actor, context=context)
        for owner in uow.tenants.list_administrators(tenant_id, [OWNER]):
            uow.outbox.put(DomainNotice(tenant_id=tenant_id, domain=name, principal_id=owner))
    after = uow.domains.find(tenant_id, name)
    if after is None:
        raise NotFoundError
    return after
