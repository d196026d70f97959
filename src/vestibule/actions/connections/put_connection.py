# SPDX-License-Identifier: Apache-2.0
"""Make, change, disable and remove a way to sign in, of the deployment or of one tenant (INT-04, ACC-05).

An id never changes its issuer, nor comes back for another: principals are ``issuer|subject``, and policies
and sessions name connections by id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vestibule.core import authority
from vestibule.core.connecting import BUILT_IN, check_draft
from vestibule.core.connection import CONNECTION_ID_PATTERN, Connection, ConnectionDraft
from vestibule.core.event import ConnectionDisabled, ConnectionPut, ConnectionRemoved
from vestibule.core.identity import Actor, HostKey, RequestContext
from vestibule.core.keys import Purpose
from vestibule.errors import FieldFault, InvalidRequestError, NotFoundError, UnavailableError
from vestibule.ports import Sealer, UnitOfWork

_ID = re.compile(CONNECTION_ID_PATTERN)


def put_connection(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    connection_id: str,
    draft: ConnectionDraft,
    *,
    sealer: Sealer,
    context: RequestContext,
) -> tuple[Connection, bool]:
    """The connection is as drafted; also whether it is new. With an empty *tenant_id* it is the deployment's.

    Raises:
        NotFoundError: no such tenant, or the actor does not belong to it.
        NotPermittedError: neither a key with the scope ``tenants`` nor an owner of the tenant.
        InvalidRequestError: the draft can't work, the id is taken, or it changes what only the host sets.
    """
    _check(uow, actor, tenant_id)
    if not _ID.fullmatch(connection_id) or connection_id in BUILT_IN:
        told = f"A connection id matches {CONNECTION_ID_PATTERN}, and is not {' or '.join(sorted(BUILT_IN))}."
        raise InvalidRequestError(FieldFault("/connection_id", told))
    check_draft(draft, is_tenants=bool(tenant_id), allows_loopback=sealer.allows_loopback)
    amr_map = _choose_amr_map(uow, actor, connection_id, draft)
    sealed = None
    if draft.secret is not None:
        sealed = sealer.seal(uow.keys.find_active(Purpose.CONNECTION), connection_id, draft.secret)
    connection = Connection(
        connection_id=connection_id,
        tenant_id=tenant_id,
        name=draft.name,
        provider=draft.provider,
        issuer=draft.issuer,
        client_id=draft.client_id,
        sealed_secret=sealed,
        amr_map=amr_map,
        is_disabled=draft.is_disabled,
    )
    is_new = uow.connections.add(connection)
    if not is_new and not uow.connections.change(connection):
        told = "This id is taken: an id keeps its tenant, provider and issuer for ever. Choose another."
        raise InvalidRequestError(FieldFault("/connection_id", told))
    event = ConnectionPut(
        tenant_id=tenant_id,
        connection_id=connection_id,
        provider=draft.provider,
        issuer=draft.issuer,
        is_new=is_new,
        is_disabled=draft.is_disabled,
        has_new_credential=draft.secret is not None,
    )
    uow.audit.append(event, actor=actor, context=context)
    stored = uow.connections.find(connection_id)
    if stored is None:
        raise UnavailableError
    uow.commit()
    return stored, is_new


def disable_connection(
    uow: UnitOfWork, actor: Actor, tenant_id: str, connection_id: str, *, context: RequestContext
) -> None:
    """Nobody signs in through it, and its sessions count for nothing, from the next request on.

    Raises:
        NotFoundError, NotPermittedError: as in ``put_connection``; or no such connection there.
    """
    _check(uow, actor, tenant_id)
    _get(uow, tenant_id, connection_id)
    if uow.connections.set_disabled(connection_id):
        event = ConnectionDisabled(tenant_id=tenant_id, connection_id=connection_id)
        uow.audit.append(event, actor=actor, context=context)
    uow.commit()


def remove_connection(
    uow: UnitOfWork, actor: Actor, tenant_id: str, connection_id: str, *, context: RequestContext
) -> None:
    """It is gone with its secret and its sessions. Memberships that came through it stay.

    Raises:
        NotFoundError, NotPermittedError: as in ``put_connection``; or no such connection there.
    """
    _check(uow, actor, tenant_id)
    _get(uow, tenant_id, connection_id)
    ended = uow.connections.delete(connection_id)
    event = ConnectionRemoved(tenant_id=tenant_id, connection_id=connection_id, sessions_ended=ended)
    uow.audit.append(event, actor=actor, context=context)
    uow.commit()


def _check(uow: UnitOfWork, actor: Actor, tenant_id: str) -> None:
    if not tenant_id:
        authority.check_key(actor, "tenants")
        return
    tenant = uow.tenants.find(tenant_id, lock="share")
    if isinstance(actor, HostKey):
        authority.check_key(actor, "tenants")
        if tenant is None or tenant.deleted_at is not None:
            raise NotFoundError
        return
    authority.check_owner(tenant, uow.members.find(tenant_id, actor.principal_id), uow.now())


def _choose_amr_map(
    uow: UnitOfWork, actor: Actor, connection_id: str, draft: ConnectionDraft
) -> Mapping[str, str]:
    """What counts as a strong sign-in is the host's word: an owner keeps what the host has said."""
    if isinstance(actor, HostKey):
        return draft.amr_map
    stored = uow.connections.find(connection_id)
    kept: Mapping[str, str] = {} if stored is None else stored.amr_map
    if draft.amr_map and draft.amr_map != kept:
        raise InvalidRequestError(FieldFault("/amr_map", "Only the host's backend sets this."))
    return kept


def _get(uow: UnitOfWork, tenant_id: str, connection_id: str) -> Connection:
    found = uow.connections.find(connection_id)
    if found is None or found.tenant_id != tenant_id:
        raise NotFoundError
    return found
