# SPDX-License-Identifier: Apache-2.0
"""API keys of host backends: created, found, listed, revoked. The secret is shown once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vestibule.core import authority
from vestibule.core.account import ApiKey
from vestibule.core.event import ApiKeyCreated, ApiKeyRevoked
from vestibule.core.identity import DIRECTORY_SCOPE, Actor, HostKey, RequestContext, Scope
from vestibule.core.token import digest, mint_id, mint_secret
from vestibule.errors import FieldFault, InvalidRequestError, NotFoundError
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKey:
    """The key, and its secret for this once."""

    key: ApiKey
    secret: str = field(repr=False)


def create_key(
    uow: UnitOfWork,
    actor: Actor,
    *,
    name: str,
    scopes: frozenset[Scope],
    tenant_id: str | None = None,
    context: RequestContext,
) -> CreatedKey:
    """A new key exists, bound to *tenant_id* if there is one; only its hash is stored.

    Raises:
        NotPermittedError: *actor* is no key, or one that is bound itself.
        InvalidRequestError: no scope at all, or ``directory`` without a tenant.
        NotFoundError: no such tenant.
    """
    authority.check_key(actor, "tenants")
    if not scopes:
        raise InvalidRequestError(FieldFault("/scopes", "Give at least one scope."))
    if DIRECTORY_SCOPE in scopes and tenant_id is None:
        raise InvalidRequestError(FieldFault("/tenant_id", "A key for a directory needs its tenant."))
    if tenant_id is not None:
        tenant = uow.tenants.find(tenant_id)
        if tenant is None or tenant.deleted_at is not None:
            raise NotFoundError
    secret = mint_secret("vsk_")
    key = ApiKey(key_id=mint_id(), name=name, scopes=scopes, tenant_id=tenant_id)
    uow.api_keys.add(key, digest(secret))
    event = ApiKeyCreated(tenant_id=tenant_id or "", key_id=key.key_id, scopes=" ".join(sorted(scopes)))
    uow.audit.append(event, actor=actor, context=context)
    uow.commit()
    return CreatedKey(key=key, secret=secret)


def find_key(uow: UnitOfWork, secret: str) -> HostKey | None:
    """The host behind a live key."""
    found = uow.api_keys.find(digest(secret))
    return (
        None
        if found is None
        else HostKey(key_id=found.key_id, scopes=found.scopes, tenant_id=found.tenant_id)
    )


def list_keys(uow: UnitOfWork, actor: Actor) -> Sequence[ApiKey]:
    """Every key, revoked ones included, without any secret."""
    authority.check_key(actor, "tenants")
    return uow.api_keys.list_all()


def revoke_key(uow: UnitOfWork, actor: Actor, key_id: str, *, context: RequestContext) -> None:
    """The key opens nothing from the next request on.

    Raises:
        NotFoundError: no live key of that id.
    """
    authority.check_key(actor, "tenants")
    if not uow.api_keys.revoke(key_id):
        raise NotFoundError
    uow.audit.append(ApiKeyRevoked(key_id=key_id), actor=actor, context=context)
    uow.commit()
