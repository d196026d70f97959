# SPDX-License-Identifier: Apache-2.0
"""The host's own membership table: what Vestibule needs of it, and the adapter to ``ports.Members``.

Three methods are enough to invite and to accept. The further protocols are each for one ability; what the
host's object lacks is named when it is asked for, and never silently skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias, runtime_checkable

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Membership
from vestibule.errors import MisuseError
from vestibule.ports import Tenants


class HostMembers(Protocol):
    """The host's membership table, on the connection the factory was given. Commit nothing."""

    def find(self, tenant_id: str, principal_id: str) -> Membership | None:
        """The membership whatever its end. Read ``FOR SHARE``, no removal slips in before an accept."""

    def find_by_address(self, tenant_id: str, address: EmailAddress, now: datetime) -> Membership | None:
        """A member in force whose verified address is ``address.key``."""

    def put(self, membership: Membership) -> None:
        """Write the membership, new or in place of the one that is there; keep its ``invitation_id``."""


@runtime_checkable
class HostRemovals(Protocol):
    """For ``remove_member`` and ``offboard``: the row goes in the same act as the person's invitations."""

    def remove(self, tenant_id: str, principal_id: str) -> bool:
        """Whether there was one."""

    def list_of_principal(self, principal_id: str) -> Sequence[Membership]:
        """Every membership of one person."""


@runtime_checkable
class HostSeats(Protocol):
    """For ``seat_limit`` in a tenant's policy."""

    def count(self, tenant_id: str) -> int:
        """How many memberships cost a seat. Called under the lock of the tenant's row."""


@runtime_checkable
class HostAdministrators(Protocol):
    """For ``request_new``: whom to tell."""

    def list_administrators(self, tenant_id: str, roles: Iterable[str]) -> Sequence[str]:
        """At most 50 principal ids of members in force with one of *roles*."""


HostMembersFactory: TypeAlias = Callable[[sa.Connection], HostMembers]


class AdaptedMembers:
    """Implements ``ports.Members`` over a host's table."""

    def __init__(self, table: HostMembers) -> None:
        self._table = table

    def find(self, tenant_id: str, principal_id: str) -> Membership | None:
        return self._table.find(tenant_id, principal_id)

    def find_by_address(self, tenant_id: str, address: EmailAddress, now: datetime) -> Membership | None:
        return self._table.find_by_address(tenant_id, address, now)

    def put(self, membership: Membership) -> None:
        self._table.put(membership)

    def count(self, tenant_id: str) -> int:
        if not isinstance(self._table, HostSeats):
            raise _lacks("count", "a policy with seat_limit")
        return self._table.count(tenant_id)

    def remove(self, tenant_id: str, principal_id: str) -> bool:
        if not isinstance(self._table, HostRemovals):
            raise _lacks("remove and list_of_principal", "removing a member")
        return self._table.remove(tenant_id, principal_id)

    def list_of_principal(self, principal_id: str) -> Sequence[Membership]:
        if not isinstance(self._table, HostRemovals):
            raise _lacks("remove and list_of_principal", "offboarding a principal")
        return self._table.list_of_principal(principal_id)

    def list_administrators(self, tenant_id: str, roles: Iterable[str]) -> Sequence[str]:
        if not isinstance(self._table, HostAdministrators):
            raise _lacks("list_administrators", "request_new and approvals")
        return self._table.list_administrators(tenant_id, roles)

    def has_other_owner(self, tenant_id: str, principal_id: str) -> bool:  # noqa: ARG002 - the port's signature
        """Always: whether a tenant may lose its last owner is the host's own rule about its own table."""
        return True

    def set_suspended(self, tenant_id: str, principal_id: str) -> None:  # noqa: ARG002 - the port's signature
        raise MisuseError("the host's own table knows no suspended memberships")

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[Membership]:  # noqa: ARG002 - the same
        raise MisuseError("the host lists the members of its own table itself")

    def list_ending(self, limit: int) -> Sequence[tuple[Membership, int]]:  # noqa: ARG002 - the port's signature
        """None: the host tells its own members."""
        return ()

    def set_end_announced(self, membership: Membership) -> bool:  # noqa: ARG002 - the port's signature
        return False

    def end_expired(self, limit: int) -> Sequence[Membership]:  # noqa: ARG002 - the port's signature
        """None: the host ends its own rows; one past its end has no force here in the meantime."""
        return ()


class AdaptedTenants:
    """Our tenants, whose administrators are found in the host's table."""

    def __init__(self, tenants: Tenants, members: AdaptedMembers) -> None:
        self.find = tenants.find
        self.put = tenants.put
        self.set_suspended = tenants.set_suspended
        self.set_deleted = tenants.set_deleted
        self.seats = tenants.seats
        self.list_administrators = members.list_administrators


def _lacks(methods: str, purpose: str) -> MisuseError:
    return MisuseError(f"{purpose} needs a membership table with {methods}; add it to the host's HostMembers")
