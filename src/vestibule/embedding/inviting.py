# SPDX-License-Identifier: Apache-2.0
"""The part of ``Vestibule`` for those who invite. What they may do is decided by their membership."""

from __future__ import annotations

from vestibule.actions.invitations.issue import issue
from vestibule.actions.invitations.resend import resend
from vestibule.actions.invitations.review import InvitationView, get_invitation, list_invitations
from vestibule.actions.invitations.revoke import revoke
from vestibule.actions.links.order_envelope import order_for_draft, order_for_renewal, sign_envelope
from vestibule.core.email import EmailAddress
from vestibule.core.envelope import EnvelopeOrder, SignedToken
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.invitation import Deliver, InvitationDraft, InvitationState
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.paging import Page, parse_page_request
from vestibule.embedding.host import Host
from vestibule.embedding.joining import Joining, context_or_new
from vestibule.errors import MisuseError
from vestibule.ports import InvitationFilter


class InvitingCalls(Joining):
    """Issuing and what follows, by a tenant's administrators."""

    def issue(
        self,
        host: Host,
        inviter: VerifiedIdentity,
        tenant_id: str,
        draft: InvitationDraft,
        *,
        context: RequestContext | None = None,
    ) -> IssuedInvitation:
        """Promise ``draft.role`` to ``draft.email``. With ``deliver="link"``, ``link()`` gives the link.

        Raises:
            NotFoundError: no such tenant, or the inviter does not belong to it.
            NotPermittedError, RoleNotAssignableError: the inviter's role may not grant that one.
            TenantSuspendedError, InvalidRequestError, DomainNotAllowedError, AlreadyMemberError,
            SeatLimitError, PendingLimitError, RateLimitedError: still no.
        """
        token = None
        if draft.deliver == "link":
            token = self._sign(self._run(host, order_for_draft, inviter, tenant_id, draft))
        context = context_or_new(context)
        return self._run(
            host, issue, inviter, tenant_id, draft, token=token, context=context, limits=self._limits
        )

    def link(self, issued: IssuedInvitation) -> str:
        """The link of what was issued or resent with ``deliver="link"``. A secret: never log it.

        Raises:
            MisuseError: it goes by email; its token does not exist yet.
        """
        if issued.token is None:
            raise MisuseError('only what was issued with deliver="link" has a link to hand over')
        return f"{self._public_url}/i/{issued.token.reveal()}"

    def resend(
        self,
        host: Host,
        resender: VerifiedIdentity,
        tenant_id: str,
        invitation_id: str,
        *,
        deliver: Deliver = "email",
        context: RequestContext | None = None,
    ) -> IssuedInvitation:
        """Kill the old link, start the expiry window anew, and see to delivery again.

        Raises:
            NotFoundError, NotPermittedError, RoleNotAssignableError: unknown, or not the resender's to grant.
            NotPendingError: it has reached a final state.
            TenantSuspendedError, DomainNotAllowedError, AlreadyMemberError, TooSoonError, RateLimitedError.
        """
        token = None
        if deliver == "link":
            token = self._sign(self._run(host, order_for_renewal, resender, tenant_id, invitation_id))
        return self._run(
            host,
            resend,
            resender,
            tenant_id,
            invitation_id,
            deliver=deliver,
            token=token,
            context=context_or_new(context),
            limits=self._limits,
        )

    def _sign(self, order: EnvelopeOrder | None) -> SignedToken | None:
        return sign_envelope(self._provider, order, self._public_url)

    def revoke(
        self,
        host: Host,
        revoker: VerifiedIdentity,
        tenant_id: str,
        invitation_id: str,
        *,
        context: RequestContext | None = None,
    ) -> None:
        """The invitation is revoked and its link dead.

        Raises:
            NotFoundError, NotPermittedError: unknown, or not the revoker's to revoke.
            NotPendingError: it has reached a final state.
        """
        self._run(host, revoke, revoker, tenant_id, invitation_id, context=context_or_new(context))

    def get_invitation(
        self, host: Host, reader: VerifiedIdentity, tenant_id: str, invitation_id: str
    ) -> InvitationView:
        """One invitation of this tenant. Raises NotFoundError, NotPermittedError."""
        return self._run(host, get_invitation, reader, tenant_id, invitation_id)

    def list_invitations(
        self,
        host: Host,
        reader: VerifiedIdentity,
        tenant_id: str,
        *,
        state: InvitationState | None = None,
        email: EmailAddress | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[InvitationView]:
        """A page of this tenant's invitations, the newest first.

        Raises:
            NotFoundError, NotPermittedError: the reader does not administer this tenant.
            InvalidRequestError: the limit is out of bounds, or the cursor not one of this very list.
        """
        scope = f"library:invitations:{tenant_id}:{state or ''}:{email.key if email is not None else ''}"
        request = parse_page_request(scope, limit, cursor)
        return self._run(
            host, list_invitations, reader, tenant_id, InvitationFilter(state=state, email=email), request
        )
