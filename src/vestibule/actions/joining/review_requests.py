# SPDX-License-Identifier: Apache-2.0
"""Reading a tenant's requests to join, and rejecting one."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core import authority
from vestibule.core.event import JoinRejected
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.joining import JoinRequest, JoinRequestState
from vestibule.core.paging import Page, PageRequest
from vestibule.errors import JoinDecidedError, NotFoundError
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequestView:
    """A request, and the name its asker last had."""

    request: JoinRequest
    name: str | None


def list_join_requests(
    uow: UnitOfWork, actor: Actor, tenant_id: str, state: JoinRequestState | None, wanted: PageRequest
) -> Page[JoinRequestView]:
    """A page of this tenant's requests, the newest first.

    Raises:
        NotFoundError, NotPermittedError: the actor does not administer this tenant.
    """
    _authorise(uow, actor, tenant_id)
    return uow.join_requests.list_of_tenant(tenant_id, state, wanted).map(lambda one: _view(uow, one))


def get_join_request(uow: UnitOfWork, actor: Actor, tenant_id: str, request_id: str) -> JoinRequestView:
    """One request of this tenant.

    Raises:
        NotFoundError, NotPermittedError: the actor does not administer this tenant; or no such request.
    """
    _authorise(uow, actor, tenant_id)
    found = uow.join_requests.find(tenant_id, request_id)
    if found is None:
        raise NotFoundError
    return _view(uow, found)


def reject_join_request(
    uow: UnitOfWork, actor: Actor, tenant_id: str, request_id: str, *, context: RequestContext
) -> None:
    """The request is closed; the asker is told nothing.

    Raises:
        NotFoundError, NotPermittedError: the actor does not administer this tenant; or no such request.
        JoinDecidedError: it was decided before.
    """
    principal_id = _authorise(uow, actor, tenant_id)
    if uow.join_requests.find(tenant_id, request_id) is None:
        raise NotFoundError
    if not uow.join_requests.decide(tenant_id, request_id, by_principal_id=principal_id, invitation_id=None):
        raise JoinDecidedError
    uow.audit.append(JoinRejected(tenant_id=tenant_id, request_id=request_id), actor=actor, context=context)
    uow.commit()


def _authorise(uow: UnitOfWork, actor: Actor, tenant_id: str) -> str:
    principal = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id)
    standing = uow.members.find(tenant_id, principal.principal_id)
    authority.check_administrator(tenant, standing, uow.now())
    return principal.principal_id


def _view(uow: UnitOfWork, request: JoinRequest) -> JoinRequestView:
    record = uow.principals.find(request.principal_id)
    return JoinRequestView(request=request, name=None if record is None else record.name)
