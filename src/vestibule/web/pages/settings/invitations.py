# SPDX-License-Identifier: Apache-2.0
"""What an administrator does with invitations on the settings screen: issue, resend, correct, revoke."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule import metrics
from vestibule.actions.invitations.correct import correct
from vestibule.actions.invitations.issue import issue
from vestibule.actions.invitations.resend import resend
from vestibule.actions.invitations.review import InvitationView, get_invitation
from vestibule.actions.invitations.revoke import revoke
from vestibule.actions.links.order_envelope import order_for_draft, order_for_renewal
from vestibule.core.display import format_moment
from vestibule.core.invitation import InvitationState
from vestibule.core.issuing import IssuedInvitation
from vestibule.errors import (
    InvalidRequestError,
    IssueRefusedError,
    KeyMissingError,
    KeyProviderError,
    NotPendingError,
    RateLimitedError,
    ReviewOverdueError,
    RoleNotAssignableError,
    VestibuleError,
)
from vestibule.web.links import sign_link
from vestibule.web.pages.rendering import Pages, get_part, redirect
from vestibule.web.pages.settings.frame import Form, advise, enter, read_faults, render_screen, settings_path
from vestibule.web.pages.settings.inviting import read_draft, read_email
from vestibule.web.pages.settings.people import UNKEPT_TEXT, FreshLink, PeopleView

_FIELD_OF = {
    "already_member": "email",
    "directory_barred": "email",
    "domain_not_allowed": "email",
    "role_not_assignable": "role",
}
_ON_FORM = frozenset(
    (
        *("email", "role", "message", "deliver", "justification", "grants"),
        *("membership_expires_in", "membership_starts_at"),
    )
)
_UNSIGNED = (KeyMissingError, KeyProviderError)
_REFUSALS = (IssueRefusedError, RateLimitedError, ReviewOverdueError, RoleNotAssignableError, *_UNSIGNED)


def invitation_routes(pages: Pages) -> list[Route]:
    here = InvitationPages(pages)
    base = "/tenants/{tenant_id}/settings"
    one = base + "/invitations/{invitation_id}"
    return [
        Route(base, here.show, methods=["GET"]),
        Route(base + "/invitations", here.issue, methods=["POST"]),
        Route(one + "/resend", here.resend, methods=["POST"]),
        Route(one + "/link", here.link, methods=["POST"]),
        Route(one + "/correct", here.show_correct, methods=["GET"]),
        Route(one + "/correct", here.correct, methods=["POST"]),
        Route(one + "/revoke", here.confirm_revoke, methods=["GET"]),
        Route(one + "/revoke", here.revoke, methods=["POST"]),
    ]


class InvitationPages:
    """Handlers of the screen of people, and of its buttons for invitations."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner
        self._view = PeopleView(pages)

    async def show(self, request: Request) -> Response:
        return await self._view.render(request)

    async def issue(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        try:
            tenant_id, draft = get_part(request, "tenant_id"), read_draft(form)
            token = None
            if draft.deliver == "link":
                token = await sign_link(self._pages.services, order_for_draft, identity, tenant_id, draft)
            issued = await self._runner.run(
                issue,
                identity,
                tenant_id,
                draft,
                token=token,
                context=self._pages.context(request),
                limits=self._pages.services.limits,
            )
        except (InvalidRequestError, *_REFUSALS) as error:
            return await self._refuse(request, form, error)
        metrics.ISSUED.labels("issue").inc()
        return await self._after(request, issued, "invited")

    async def resend(self, request: Request) -> Response:
        return await self._renew(request, is_link=False)

    async def link(self, request: Request) -> Response:
        return await self._renew(request, is_link=True)

    async def show_correct(self, request: Request) -> Response:
        return await self._correct_page(request, Form(name="correct"))

    async def correct(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        tenant_id, invitation_id = self._ids(request)
        try:
            issued = await self._runner.run(
                correct,
                identity,
                tenant_id,
                invitation_id,
                read_email(form),
                token=await sign_link(
                    self._pages.services, order_for_renewal, identity, tenant_id, invitation_id, corrects=True
                ),
                context=self._pages.context(request),
                limits=self._pages.services.limits,
            )
        except (InvalidRequestError, *_REFUSALS) as error:
            faults = read_faults(error) if isinstance(error, InvalidRequestError) else {}
            told = faults.get("email") or advise(error)
            again = Form(name="correct", values=form, errors={"email": told})
            status = 422 if isinstance(error, InvalidRequestError) else 409
            return await self._correct_page(request, again, status=status)
        except NotPendingError as error:
            return await self._view.render(request, status=409, notice=("warning", str(error)))
        metrics.ISSUED.labels("correct").inc()
        return await self._after(request, issued, "corrected")

    async def confirm_revoke(self, request: Request) -> Response:
        view = await self._read(request)
        invitation = view.invitation
        base = settings_path(invitation.tenant_id)
        return await self._pages.render(
            request,
            "confirm.html",
            title="Revoke this invitation",
            text="Its link stops working at once. You can invite the same address again at any time.",
            facts=_describe_facts(view),
            action_url=f"{base}/invitations/{quote(invitation.invitation_id, safe='')}/revoke",
            confirm_label="Revoke invitation",
            cancel_url=base,
            is_danger=True,
        )

    async def revoke(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        tenant_id, invitation_id = self._ids(request)
        try:
            await self._runner.run(
                revoke, identity, tenant_id, invitation_id, context=self._pages.context(request)
            )
        except NotPendingError as error:
            return await self._view.render(request, status=409, notice=("warning", str(error)))
        metrics.REVOKED.inc()
        return redirect(f"{settings_path(tenant_id)}?done=revoked")

    async def _renew(self, request: Request, *, is_link: bool) -> Response:
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        tenant_id, invitation_id = self._ids(request)
        try:
            token, email = None, read_email(form) if "email" in form else None
            if is_link:
                token = await sign_link(
                    self._pages.services, order_for_renewal, identity, tenant_id, invitation_id
                )
            issued = await self._runner.run(
                resend,
                identity,
                tenant_id,
                invitation_id,
                deliver="link" if is_link else "email",
                email=email,
                token=token,
                context=self._pages.context(request),
                limits=self._pages.services.limits,
            )
        except InvalidRequestError as error:
            told = " ".join(read_faults(error).values())
            return await self._view.render(request, status=422, notice=("warning", told))
        except (IssueRefusedError, NotPendingError, RateLimitedError, *_UNSIGNED) as error:
            return await self._view.render(request, status=409, notice=("warning", advise(error)))
        metrics.ISSUED.labels("resend").inc()
        return await self._after(request, issued, "resent")

    async def _after(self, request: Request, issued: IssuedInvitation, done: str) -> Response:
        path = settings_path(issued.invitation.tenant_id)
        if issued.state is InvitationState.HELD:
            return redirect(f"{path}?state=held&done=held")
        if issued.token is None:
            return redirect(f"{path}?done={done}")
        url = f"{self._pages.services.public_url}/i/{issued.token.reveal()}"
        return await self._view.render(request, fresh_link=FreshLink(url=url, invitation=issued.invitation))

    async def _refuse(self, request: Request, values: Mapping[str, str], error: VestibuleError) -> Response:
        faults, status = {}, 409
        if isinstance(error, InvalidRequestError):
            faults, status = read_faults(error), 422
        elif error.code in _FIELD_OF:
            faults = {_FIELD_OF[error.code]: str(error)}
        at_fields = {name: told for name, told in faults.items() if name in _ON_FORM}
        notice = None if at_fields else ("warning", advise(error))
        form = Form(name="invite", values=values, errors=at_fields)
        return await self._view.render(request, status=status, notice=notice, form=form)

    async def _correct_page(self, request: Request, form: Form, *, status: int = 200) -> Response:
        view, screen = await self._read(request), await enter(self._pages, request)
        if view.state not in (InvitationState.PENDING, InvitationState.HELD):
            told = ("warning", str(NotPendingError()))
            return await self._view.render(request, status=409, notice=told)
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_correct.html",
            status=status,
            form=form,
            facts=_describe_facts(view),
            email=view.invitation.invited_email.shown or "",
            invitation_id=view.invitation.invitation_id,
            is_held=view.state is InvitationState.HELD,
        )

    async def _read(self, request: Request) -> InvitationView:
        identity = await self._pages.get_identity(request)
        return await self._runner.read(get_invitation, identity, *self._ids(request))

    def _ids(self, request: Request) -> tuple[str, str]:
        return get_part(request, "tenant_id"), get_part(request, "invitation_id")


def _describe_facts(view: InvitationView) -> list[dict[str, str]]:
    invitation = view.invitation
    return [
        {"label": "Sent to", "value": invitation.invited_email.shown or UNKEPT_TEXT},
        {"label": "Role", "value": "Only resources" if invitation.grants_only else invitation.role},
        {"label": "Open until", "value": format_moment(invitation.expires_at)},
    ]
