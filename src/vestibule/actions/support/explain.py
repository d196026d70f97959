# SPDX-License-Identifier: Apache-2.0
"""Why an invitation does not work, for whoever helps: by id, address or pasted link (AUD-05)."""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.core import authority
from vestibule.core.email import EmailAddress
from vestibule.core.identity import Actor
from vestibule.core.support import SupportCase
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork

EVENTS_MAX = 50
CASES_MAX = 10


def explain_invitation(uow: UnitOfWork, actor: Actor, invitation_id: str) -> SupportCase:
    """The case of this invitation.

    Raises:
        NotPermittedError: not the operator, nor a key that may see every tenant.
        NotFoundError: there is no such invitation.
    """
    authority.check_key(actor, "tenants")
    found = uow.support.find_case(invitation_id, events=EVENTS_MAX)
    if found is None:
        raise NotFoundError
    return found


def explain_link(uow: UnitOfWork, actor: Actor, claim_token_hash: bytes) -> SupportCase:
    """The case of the invitation whose newest link has this hash.

    Raises:
        NotPermittedError: not the operator, nor a key that may see every tenant.
        NotFoundError: it opens none: an older link, or not one of ours.
    """
    authority.check_key(actor, "tenants")
    invitation_id = uow.support.find_link(claim_token_hash)
    if invitation_id is None:
        raise NotFoundError
    return explain_invitation(uow, actor, invitation_id)


def explain_address(
    uow: UnitOfWork, actor: Actor, tenant_id: str, email: EmailAddress
) -> Sequence[SupportCase]:
    """The newest invitations of this tenant to the address; none is no error.

    Raises:
        NotPermittedError: not the operator, nor a key that may see every tenant.
    """
    authority.check_key(actor, "tenants")
    found = uow.support.list_of_address(tenant_id, email, limit=CASES_MAX)
    return [explain_invitation(uow, actor, one) for one in found]
