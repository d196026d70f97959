# SPDX-License-Identifier: Apache-2.0
"""Read what a tenant's directory has said, by its own key only."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.directory import (
    PAGE_MAX,
    DirectoryGroup,
    DirectoryPage,
    DirectoryUser,
    GroupField,
    UserField,
)
from vestibule.core.identity import Actor
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork


def get_user(uow: UnitOfWork, actor: Actor, user_id: str) -> DirectoryUser:
    """One user.

    Raises:
        NotPermittedError: no key of a directory.
        NotFoundError: no such user.
    """
    user = uow.directory.find_user(_enter(uow, actor), user_id)
    if user is None:
        raise NotFoundError
    return user


def list_users(
    uow: UnitOfWork, actor: Actor, wanted: tuple[UserField, str] | None, *, start: int, count: int
) -> DirectoryPage[DirectoryUser]:
    """A part of the users, the oldest first; of those *wanted* if that is said.

    Raises:
        NotPermittedError: no key of a directory.
        NotFoundError: the tenant was deleted.
    """
    return uow.directory.list_users(_enter(uow, actor), wanted, start=start, count=min(count, PAGE_MAX))


def get_group(uow: UnitOfWork, actor: Actor, group_id: str) -> DirectoryGroup:
    """One group.

    Raises:
        NotPermittedError: no key of a directory.
        NotFoundError: no such group.
    """
    group = uow.directory.find_group(_enter(uow, actor), group_id)
    if group is None:
        raise NotFoundError
    return group


def list_groups(
    uow: UnitOfWork, actor: Actor, wanted: tuple[GroupField, str] | None, *, start: int, count: int
) -> DirectoryPage[DirectoryGroup]:
    """A part of the groups, the oldest first; of those *wanted* if that is said.

    Raises:
        NotPermittedError: no key of a directory.
        NotFoundError: the tenant was deleted.
    """
    return uow.directory.list_groups(_enter(uow, actor), wanted, start=start, count=min(count, PAGE_MAX))


def _enter(uow: UnitOfWork, actor: Actor) -> str:
    tenant_id = authority.check_directory(actor)
    tenant = uow.tenants.find(tenant_id)
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    return tenant_id
