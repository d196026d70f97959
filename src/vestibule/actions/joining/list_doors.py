# SPDX-License-Identifier: Apache-2.0
"""The tenants that a signed-in person may join, ask to join, or is told of (TEN-03, TEN-04).

Who sees a tenant here: a person with a currently verified address at a domain that the tenant itself has
proved and put on a rung from ``suggest`` upwards. Nobody else learns that it exists. What is told is its id,
its name and the door; no member, no role, no policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from vestibule.core import authority
from vestibule.core.claiming import check_addresses
from vestibule.core.domain import Door, TenantDomain, find_door
from vestibule.core.identity import Actor, VerifiedIdentity
from vestibule.core.joining import JoinPolicy
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Tenant
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDoor:
    """What one tenant offers for one's address at *domain*."""

    tenant_id: str
    tenant_name: str
    domain: str
    door: Door


def list_doors(
    uow: UnitOfWork, actor: Actor, request: PageRequest, *, rules: JoinPolicy | None = None
) -> Page[OpenDoor]:
    """What proved rules offer to the verified addresses of this session; a page may hold fewer than asked.

    Raises:
        NotPermittedError: a key is nobody's identity.
        EmailUnverifiedError: the session has no verified address.
    """
    identity = authority.check_principal(actor)
    check_addresses(identity)
    record = uow.principals.find(identity.principal_id)
    if record is not None and record.offboarded_at is not None:
        return Page(items=[])
    since = uow.now() - (rules or JoinPolicy()).removed_for
    found = uow.domains.list_offers(
        identity.principal_id, {one.address.domain for one in identity.addresses}, request
    )
    shown = [door for domain, tenant in found.items for door in _doors(uow, identity, domain, tenant, since)]
    return Page(items=shown, next_cursor=found.next_cursor)


def _doors(
    uow: UnitOfWork, identity: VerifiedIdentity, domain: TenantDomain, tenant: Tenant, since: datetime
) -> Iterator[OpenDoor]:
    for verified in identity.addresses_in(tenant.tenant_id):
        if verified.address.domain != domain.domain:
            continue
        if uow.directory.is_barred(tenant.tenant_id, verified.address.key):
            continue
        must_ask = uow.join_requests.was_removed(
            tenant.tenant_id, identity.principal_id, verified.address, since
        )
        door = find_door(
            domain.rule_at(uow.now()), tenant.policy, verified.address, identity.connection, must_ask=must_ask
        )
        if door is not None:
            yield OpenDoor(
                tenant_id=tenant.tenant_id, tenant_name=tenant.name, domain=domain.domain, door=door
            )
            return
