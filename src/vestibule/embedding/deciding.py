# SPDX-License-Identifier: Apache-2.0
"""The part of ``Vestibule`` for second people, for corrections, and for grants beside a membership."""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.actions.invitations.correct import correct
from vestibule.actions.invitations.decide import Decided, approve, reject
from vestibule.actions.invitations.ensure import Ensured, ensure
from vestibule.actions.invitations.review_held import HeldView, close_review, get_held
from vestibule.actions.resources.manage import delete_resource, list_grants, put_resource
from vestibule.core.email import EmailAddress
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.invitation import InvitationDraft
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.resource import HeldGrant, Resource
from vestibule.embedding.host import Host
from vestibule.embedding.joining import HOST_KEY, Joining, context_or_new
from vestibule.ports import Review


class DecidingCalls(Joining):
    """Four eyes, corrections, ensuring, resources."""

    def get_held(self, host: Host, reader: VerifiedIdentity, tenant_id: str, invitation_id: str) -> HeldView:
        """Exactly what would be approved, with its digest. Raises NotFoundError, NotPermittedError,
        NotPendingError.
        """
        return self._run(host, get_held, reader, tenant_id, invitation_id)

    def approve(
        self,
        host: Host,
        approver: VerifiedIdentity,
        tenant_id: str,
        invitation_id: str,
        *,
        digest: str | None = None,
        context: RequestContext | None = None,
    ) -> Decided:
        """Approve exactly the request as it stands; the last approval needed issues it.

        Raises:
            NotFoundError, NotPermittedError, NotPendingError, DigestMismatchError: it may not, or not this.
            StepUpRequiredError: the session is not fresh or strong enough.
            TenantSuspendedError, AlreadyMemberError, DomainNotAllowedError, SeatLimitError, EventOverError.
        """
        return self._run(
            host, approve, approver, tenant_id, invitation_id, digest=digest, context=context_or_new(context)
        )

    def reject(
        self,
        host: Host,
        approver: VerifiedIdentity,
        tenant_id: str,
        invitation_id: str,
        *,
        digest: str | None = None,
        context: RequestContext | None = None,
    ) -> Decided:
        """Close the request; one rejection is enough. Raises as ``approve``."""
        return self._run(
            host, reject, approver, tenant_id, invitation_id, digest=digest, context=context_or_new(context)
        )

    def correct(
        self,
        host: Host,
        corrector: VerifiedIdentity,
        tenant_id: str,
        invitation_id: str,
        email: EmailAddress,
        *,
        context: RequestContext | None = None,
    ) -> IssuedInvitation:
        """The same promise to the right address, in one act. Raises as ``issue``, and NotPendingError."""
        return self._run(
            host,
            correct,
            corrector,
            tenant_id,
            invitation_id,
            email,
            context=context_or_new(context),
            limits=self._limits,
        )

    def ensure(
        self,
        host: Host,
        inviter: VerifiedIdentity,
        tenant_id: str,
        draft: InvitationDraft,
        *,
        context: RequestContext | None = None,
    ) -> Ensured:
        """This address has this role here, or is invited to it; repeating changes nothing. Raises as
        ``issue``, but never AlreadyMemberError.
        """
        context = context_or_new(context)
        return self._run(host, ensure, inviter, tenant_id, draft, context=context, limits=self._limits)

    def close_review(
        self,
        host: Host,
        reviewer: VerifiedIdentity,
        tenant_id: str,
        invitation_id: str,
        note: str,
        *,
        context: RequestContext | None = None,
    ) -> Review:
        """Somebody else has looked at a break-glass grant. Raises NotFoundError, NotPermittedError,
        NotPendingError, InvalidRequestError.
        """
        context = context_or_new(context)
        return self._run(host, close_review, reviewer, tenant_id, invitation_id, note, context=context)

    def put_resource(self, host: Host, tenant_id: str, resource_id: str, name: str) -> tuple[Resource, bool]:
        """The tenant has this resource under this name; also whether it is new. Raises NotFoundError."""
        context = context_or_new(None)
        return self._run(host, put_resource, HOST_KEY, tenant_id, resource_id, name, context=context)

    def delete_resource(self, host: Host, tenant_id: str, resource_id: str) -> None:
        """It is gone with every grant on it; what named it is revoked. Raises NotFoundError."""
        context = context_or_new(None)
        self._run(host, delete_resource, HOST_KEY, tenant_id, resource_id, context=context)

    def list_grants(self, host: Host, tenant_id: str, principal_id: str) -> Sequence[HeldGrant]:
        """What this member holds now beside its membership; authorise by it, at each request."""
        return self._run(host, list_grants, HOST_KEY, tenant_id, principal_id)
