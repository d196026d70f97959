# SPDX-License-Identifier: Apache-2.0
"""Keep a directory's groups for its own book-keeping; no group gives anybody anything."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.directory import DirectoryGroup, GroupDraft
from vestibule.core.event import DirectoryGroupPut, DirectoryGroupRemoved
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.token import mint_id
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork


def add_group(uow: UnitOfWork, actor: Actor, draft: GroupDraft, *, context: RequestContext) -> DirectoryGroup:
    """The directory has this group.

    Raises:
        NotPermittedError: no key of a directory.
        NotFoundError: the tenant was deleted.
    """
    tenant_id = _enter(uow, actor)
    return _put(uow, actor, tenant_id, mint_id(), draft, context=context, is_new=True)


def change_group(
    uow: UnitOfWork,
    actor: Actor,
    was: DirectoryGroup,
    draft: GroupDraft,
    *,
    context: RequestContext,
) -> DirectoryGroup | None:
    """The group is as in *draft*, unless it is no longer as it *was* when that was drawn up: None, unchanged.

    Raises:
        NotPermittedError: no key of a directory.
        NotFoundError: no such group.
    """
    tenant_id = _enter(uow, actor)
    kept = uow.directory.find_group(tenant_id, was.group_id)
    if kept is None:
        raise NotFoundError
    if kept != was:
        return None
    return _put(uow, actor, tenant_id, was.group_id, draft, context=context, is_new=False)


def remove_group(uow: UnitOfWork, actor: Actor, group_id: str, *, context: RequestContext) -> None:
    """The group is gone.

    Raises:
        NotPermittedError: no key of a directory.
        NotFoundError: no such group.
    """
    tenant_id = _enter(uow, actor)
    if not uow.directory.remove_group(tenant_id, group_id):
        raise NotFoundError
    removed = DirectoryGroupRemoved(tenant_id=tenant_id, group_id=group_id)
    uow.audit.append(removed, actor=actor, context=context)
    uow.commit()


def _enter(uow: UnitOfWork, actor: Actor) -> str:
    tenant_id = authority.check_directory(actor)
    tenant = uow.tenants.find(tenant_id, lock="update")
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    return tenant_id


def _put(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    group_id: str,
    draft: GroupDraft,
    *,
    context: RequestContext,
    is_new: bool,
) -> DirectoryGroup:
    uow.directory.put_group(tenant_id, group_id, draft)
    put = DirectoryGroupPut(tenant_id=tenant_id, group_id=group_id, is_new=is_new)
    uow.audit.append(put, actor=actor, context=context)
    group = uow.directory.find_group(tenant_id, group_id)
    if group is None:
        raise NotFoundError
    uow.commit()
    return group
