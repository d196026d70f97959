# SPDX-License-Identifier: Apache-2.0
"""Reading a tenant's domains."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.domain import DomainView
from vestibule.core.identity import Actor, actor_id
from vestibule.core.paging import Page, PageRequest
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork


def get_domain(uow: UnitOfWork, actor: Actor, tenant_id: str, domain: str) -> DomainView:
    """One domain of this tenant, with the record that proves it.

    Raises:
        NotFoundError, NotPermittedError: no key with the scope ``tenants``, no administrator; or none such.
    """
    _authorise(uow, actor, tenant_id)
    found = uow.domains.find(tenant_id, domain)
    if found is None:
        raise NotFoundError
    return DomainView(domain=found, now=uow.now())


def list_domains(uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest) -> Page[DomainView]:
    """The tenant's domains, the oldest first.

    Raises:
        NotFoundError, NotPermittedError: no key with the scope ``tenants``, and no administrator.
    """
    _authorise(uow, actor, tenant_id)
    now = uow.now()
    page = uow.domains.list_of_tenant(tenant_id, request)
    return page.map(lambda domain: DomainView(domain=domain, now=now))


def _authorise(uow: UnitOfWork, actor: Actor, tenant_id: str) -> None:
    standing = uow.members.find(tenant_id, actor_id(actor))
    tenant = uow.tenants.find(tenant_id)
    authority.check_overseer(actor, "tenants", tenant_id, tenant, standing, uow.now())
