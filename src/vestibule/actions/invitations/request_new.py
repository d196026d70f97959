# SPDX-License-Identifier: Apache-2.0
"""Ask for a new invitation from a dead link: tells the tenant's administrators, tells the asker nothing."""

from __future__ import annotations

from vestibule.core.event import RenewalRequested
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.limits import Limits, hit, network_of
from vestibule.core.message import RenewalNotice
from vestibule.ports import UnitOfWork


def request_new(
    uow: UnitOfWork,
    identity: VerifiedIdentity | None,
    claim_token_hash: bytes,
    *,
    context: RequestContext,
    limits: Limits,
) -> None:
    """If the link was ever one of an active tenant, its administrators are told, once a day (ACC-13).

    Nothing is returned and nothing raised: whatever happens, the caller answers the same.
    """
    if (
        uow.limits.take([hit("request_new_ip", network_of(context.ip), limits.request_new_per_ip)])
        is not None
    ):
        uow.commit()
        return
    found = uow.invitations.claim_renewal(claim_token_hash)
    if found is not None:
        tenant_id, invitation_id = found
        tenant = uow.tenants.find(tenant_id)
        is_first = (
            uow.limits.take([hit("request_new", invitation_id, limits.request_new_per_invitation)]) is None
        )
        if is_first and tenant is not None and tenant.state == "active":
            if identity is not None:
                uow.principals.remember(identity)
            asker = identity.principal_id if identity is not None else None
            for principal_id in uow.tenants.list_administrators(tenant_id, tenant.policy.administrators):
                uow.outbox.put(
                    RenewalNotice(
                        invitation_id=invitation_id, principal_id=principal_id, asker_principal_id=asker
                    )
                )
            event = RenewalRequested(tenant_id=tenant_id, invitation_id=invitation_id)
            uow.audit.append(event, actor=asker or "anonymous", context=context)
    uow.commit()
