# SPDX-License-Identifier: Apache-2.0
"""The part of ``Vestibule`` for those who are invited: look, accept, decline, ask again.

Whatever is wrong with a link is one ``ClaimRejectedError``; give every caller the same answer for it.
"""

from __future__ import annotations

import hashlib

from vestibule.actions.invitations.accept import Accepted, accept
from vestibule.actions.invitations.decline import decline
from vestibule.actions.invitations.preview import InvitationPreview, preview
from vestibule.actions.invitations.request_new import request_new
from vestibule.actions.invitations.review import OwnInvitation, list_own
from vestibule.actions.links.open_link import open_link
from vestibule.core.claiming import check_addresses
from vestibule.core.envelope import LinkToken, SignedToken, parse_link_token
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.paging import Page, parse_page_request
from vestibule.embedding.host import Host
from vestibule.embedding.joining import Joining, context_or_new
from vestibule.errors import ClaimRejectedError, MisuseError
from vestibule.ports import ClaimKey

_DEAD_HASH = hashlib.sha256(b"no such invitation").digest()


class ClaimingCalls(Joining):
    """Claims by token, and by id among one's own."""

    def preview(
        self,
        host: Host,
        token: LinkToken | str,
        *,
        identity: VerifiedIdentity | None = None,
        context: RequestContext | None = None,
    ) -> InvitationPreview:
        """What the link is about; changes nothing. Show ``invited_email.masked``, never the address.

        Raises:
            ClaimRejectedError: unknown or no longer pending.
            RateLimitedError: the same, too often.
        """
        context = context_or_new(context)
        return self._run(
            host, preview, identity, self._key(host, token), context=context, limits=self._limits
        )

    def accept(
        self,
        host: Host,
        identity: VerifiedIdentity,
        token: LinkToken | str,
        *,
        context: RequestContext | None = None,
    ) -> Accepted:
        """Turn one pending grant into one membership, in the host's transaction, or change nothing.

        Raises:
            EmailUnverifiedError: the identity has no verified address; decided before the link is looked at.
            ClaimRejectedError: the grant can't be consumed by this claimant. Commit: its event is written.
            RateLimitedError: the same, and there were too many wrong tries.
        """
        check_addresses(identity)
        context = context_or_new(context)
        return self._run(host, accept, identity, self._key(host, token), context=context, limits=self._limits)

    def accept_own(
        self,
        host: Host,
        identity: VerifiedIdentity,
        invitation_id: str,
        *,
        context: RequestContext | None = None,
    ) -> Accepted:
        """Accept, without a link, one of ``list_own``. Raises as ``accept``."""
        key = ClaimKey(invitation_id=invitation_id)
        return self._run(host, accept, identity, key, context=context_or_new(context), limits=self._limits)

    def decline(
        self,
        host: Host,
        identity: VerifiedIdentity,
        token: LinkToken | str,
        *,
        context: RequestContext | None = None,
    ) -> str:
        """End a pending grant by its invitee's word; the invitation's id. Raises as ``accept``."""
        check_addresses(identity)
        context = context_or_new(context)
        return self._run(
            host, decline, identity, self._key(host, token), context=context, limits=self._limits
        )

    def list_own(
        self, host: Host, identity: VerifiedIdentity, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[OwnInvitation]:
        """The pending invitations to any currently verified address.

        Raises:
            EmailUnverifiedError: there is none.
            InvalidRequestError: the limit is out of bounds, or the cursor not one of this very list.
        """
        request = parse_page_request(f"library:own:{identity.principal_id}", limit, cursor)
        return self._run(host, list_own, identity, request)

    def request_new(
        self,
        host: Host,
        token: LinkToken | str,
        *,
        identity: VerifiedIdentity | None = None,
        context: RequestContext | None = None,
    ) -> None:
        """If the link was ever one of an active tenant, its administrators are told, once a day.

        Nothing is returned, so that every caller can be answered the same.
        """
        try:
            claim_token_hash = self._key(host, token).claim_token_hash or _DEAD_HASH
        except ClaimRejectedError:
            claim_token_hash = _DEAD_HASH
        context = context_or_new(context)
        self._run(host, request_new, identity, claim_token_hash, context=context, limits=self._limits)

    def _key(self, host: Host, token: LinkToken | str) -> ClaimKey:
        parsed = parse_link_token(token, self._public_url) if isinstance(token, str) else token
        if not isinstance(parsed, SignedToken):
            return ClaimKey(claim_token_hash=parsed.claim_token_hash)
        if self._signatures is None:
            raise MisuseError("signed links need Vestibule(signatures=vestibule.keys.signatures)")
        return self._run(host, open_link, parsed, signatures=self._signatures).key
