# SPDX-License-Identifier: Apache-2.0
"""The deployment's own list of addresses that nobody here writes to, kept by the host or an operator."""

from __future__ import annotations

from datetime import timedelta

from vestibule.core import authority
from vestibule.core.abuse import SuppressedFor, Suppression
from vestibule.core.email import EmailAddress
from vestibule.core.event import SuppressionLifted, SuppressionSet
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.paging import Page, PageRequest
from vestibule.errors import NotFoundError, UnavailableError
from vestibule.ports import UnitOfWork

EVERY_TENANT = ""


def put_suppression(
    uow: UnitOfWork, actor: Actor, address: EmailAddress, reason: SuppressedFor, *, context: RequestContext
) -> tuple[Suppression, bool]:
    """No tenant's invitations are mailed to *address*; also whether that is new.

    Raises:
        NotPermittedError: no key with the scope ``principals``.
    """
    authority.check_key(actor, "principals")
    is_new = uow.abuse.suppress(address, EVERY_TENANT, reason)
    if is_new:
        uow.audit.append(SuppressionSet(reason=reason), actor=actor, context=context)
    kept = uow.abuse.find_suppression(address, EVERY_TENANT)
    if kept is None:
        raise UnavailableError
    uow.commit()
    return kept, is_new


def get_suppression(uow: UnitOfWork, actor: Actor, address: EmailAddress) -> Suppression:
    """The one of all mail.

    Raises:
        NotPermittedError: no key with the scope ``principals``.
        NotFoundError: there is none.
    """
    authority.check_key(actor, "principals")
    kept = uow.abuse.find_suppression(address, EVERY_TENANT)
    if kept is None:
        raise NotFoundError
    return kept


def lift_suppression(
    uow: UnitOfWork,
    actor: Actor,
    address: EmailAddress,
    *,
    tenant_id: str = EVERY_TENANT,
    context: RequestContext,
) -> None:
    """Mail may go to *address* again: by all tenants, or by the one that it had blocked.

    Raises:
        NotPermittedError: no key with the scope ``principals``.
        NotFoundError: there is none.
    """
    authority.check_key(actor, "principals")
    if not uow.abuse.lift(address, tenant_id):
        raise NotFoundError
    uow.audit.append(SuppressionLifted(tenant_id=tenant_id), actor=actor, context=context)
    uow.commit()


def list_suppressions(uow: UnitOfWork, actor: Actor, request: PageRequest) -> Page[Suppression]:
    """All of them, tenants' blocks included, the newest first.

    Raises:
        NotPermittedError: no key with the scope ``principals``.
    """
    authority.check_key(actor, "principals")
    return uow.abuse.list_suppressions(request)


def count_reported(uow: UnitOfWork, *, within: timedelta) -> tuple[int, int]:
    """How many reports there were lately, and about how many tenants: for the operator's eyes."""
    return uow.abuse.count_reported(within=within)
