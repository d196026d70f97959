# SPDX-License-Identifier: Apache-2.0
"""The part of ``Vestibule`` about tenants and members. The host acts by its own authority here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from vestibule.actions.members.offboard import Offboarded, offboard
from vestibule.actions.members.put_member import MemberDraft, put_member
from vestibule.actions.members.remove_member import remove_member
from vestibule.actions.tenants.end_tenant import delete_tenant, resume_tenant, suspend_tenant
from vestibule.actions.tenants.put_tenant import put_tenant
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.tenant import Membership, Tenant
from vestibule.embedding.host import Host, connection_of
from vestibule.embedding.joining import HOST_KEY, Joining, context_or_new
from vestibule.embedding.members import HostSeats
from vestibule.errors import MisuseError


class TenancyCalls(Joining):
    """Tenants and members."""

    def put_tenant(
        self,
        host: Host,
        tenant_id: str,
        *,
        name: str,
        policy: Mapping[str, Any] | None = None,
        context: RequestContext | None = None,
    ) -> Tenant:
        """The tenant has this name and policy. Without *policy* it keeps the one it has.

        Raises:
            InvalidRequestError: the policy names something unknown or impossible.
            TenantDeletedError: this id was deleted.
            MisuseError: a seat limit, and the host's table does not count.
        """
        if policy is not None and policy.get("seat_limit") is not None:
            self._check_counts(connection_of(host))
        context = context_or_new(context)
        return self._run(host, put_tenant, HOST_KEY, tenant_id, name=name, policy=policy, context=context)[0]

    def suspend_tenant(self, host: Host, tenant_id: str, *, context: RequestContext | None = None) -> Tenant:
        """The tenant is suspended and its pending invitations are revoked. Raises NotFoundError."""
        return self._run(host, suspend_tenant, HOST_KEY, tenant_id, context=context_or_new(context))

    def resume_tenant(self, host: Host, tenant_id: str, *, context: RequestContext | None = None) -> Tenant:
        """The tenant is active again; nothing that was revoked comes back. Raises NotFoundError."""
        return self._run(host, resume_tenant, HOST_KEY, tenant_id, context=context_or_new(context))

    def delete_tenant(self, host: Host, tenant_id: str, *, context: RequestContext | None = None) -> None:
        """The tenant is gone for good and its id can't be used again. Raises NotFoundError."""
        self._run(host, delete_tenant, HOST_KEY, tenant_id, context=context_or_new(context))

    def put_member(
        self,
        host: Host,
        tenant_id: str,
        principal_id: str,
        draft: MemberDraft,
        *,
        context: RequestContext | None = None,
    ) -> Membership:
        """The principal has this role in this tenant: in our table, or in the host's by its ``put``.

        Raises:
            NotFoundError: no such tenant.
            InvalidRequestError: unknown role, or an end that is not in the future.
            SeatLimitError: a new member has no seat.
            LastOwnerError: the tenant would lose its last owner (our own table only).
        """
        context = context_or_new(context)
        return self._run(host, put_member, HOST_KEY, tenant_id, principal_id, draft, context=context)[0]

    def remove_member(
        self,
        host: Host,
        tenant_id: str,
        principal_id: str,
        *,
        remover: VerifiedIdentity | None = None,
        context: RequestContext | None = None,
    ) -> None:
        """The principal is no member, and nothing is left through which it could walk back in.

        With *remover* that member's role decides whether it may; without, the host has decided.

        Raises:
            NotFoundError: no such tenant or member, or the remover does not belong to the tenant.
            NotPermittedError: the remover may not remove that role.
            LastOwnerError: it is the tenant's last owner (our own table only).
        """
        actor = remover or HOST_KEY
        self._run(host, remove_member, actor, tenant_id, principal_id, context=context_or_new(context))

    def offboard(self, host: Host, principal_id: str, *, context: RequestContext | None = None) -> Offboarded:
        """The principal is out everywhere: memberships, what it issued, what it was sent."""
        return self._run(host, offboard, HOST_KEY, principal_id, context=context_or_new(context))

    def _check_counts(self, connection: sa.Connection) -> None:
        if self._members is not None and not isinstance(self._members(connection), HostSeats):
            raise MisuseError("seat_limit needs a membership table with count; add it to the HostMembers")
