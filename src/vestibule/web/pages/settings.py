# SPDX-License-Identifier: Apache-2.0
"""The tenant's settings screen: invitations, members, and what an administrator may do (AUD-04)."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule import metrics
from vestibule.actions.invitations.issue import issue
from vestibule.actions.invitations.resend import resend
from vestibule.actions.invitations.review import get_invitation
from vestibule.actions.invitations.revoke import revoke
from vestibule.actions.members.remove_member import remove_member
from vestibule.actions.members.review_members import get_member
from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.core.invitation import InvitationDraft
from vestibule.core.issuing import IssuedInvitation
from vestibule.errors import (
    FieldFault,
    InvalidRequestError,
    IssueRefusedError,
    LastOwnerError,
    NotPendingError,
    RateLimitedError,
    RoleNotAssignableError,
    VestibuleError,
)
from vestibule.web.pages.rendering import Pages, get_part, redirect
from vestibule.web.pages.settings_view import FreshLink, SettingsView, settings_path

_NOTICES = {
    "invited": ("success", "The invitation is on its way."),
    "resent": ("success", "A new mail is on its way. The old link no longer works."),
    "revoked": ("success", "The invitation is revoked. Its link no longer works."),
    "removed": ("success", "They are no longer a member."),
}
_FIELD_OF = {
    "already_member": "email",
    "directory_barred": "email",
    "domain_not_allowed": "email",
    "role_not_assignable": "role",
}


def settings_routes(pages: Pages) -> list[Route]:
    here = SettingsPages(pages)
    base = "/tenants/{tenant_id}/settings"
    one = base + "/invitations/{invitation_id}"
    member = base + "/members/{principal_id:path}/remove"
    return [
        Route(base, here.show, methods=["GET"]),
        Route(base + "/invitations", here.issue, methods=["POST"]),
        Route(one + "/resend", here.resend, methods=["POST"]),
        Route(one + "/link", here.link, methods=["POST"]),
        Route(one + "/revoke", here.confirm_revoke, methods=["GET"]),
        Route(one + "/revoke", here.revoke, methods=["POST"]),
        Route(member, here.confirm_remove, methods=["GET"]),
        Route(member, here.remove, methods=["POST"]),
    ]


class SettingsPages:
    """Handlers of one tenant's settings screen. Every right is checked by the action, not here."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner
        self._view = SettingsView(pages)

    async def show(self, request: Request) -> Response:
        notice = _NOTICES.get(request.query_params.get("done", ""))
        return await self._view.render(request, notice=notice)

    async def issue(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        try:
            issued = await self._runner.run(
                issue,
                identity,
                get_part(request, "tenant_id"),
                _read_draft(dict(form)),
                context=self._pages.context(request),
                limits=self._pages.services.limits,
            )
        except InvalidRequestError as error:
            faults = {fault.pointer.strip("/"): fault.message for fault in error.faults}
            return await self._view.render(request, status=422, values=dict(form), errors=faults)
        except (IssueRefusedError, RateLimitedError, RoleNotAssignableError) as error:
            return await self._refuse_issue(request, dict(form), error)
        metrics.ISSUED.labels("issue").inc()
        return await self._after_issue(request, issued, "invited")

    async def resend(self, request: Request) -> Response:
        return await self._renew(request, is_link=False)

    async def link(self, request: Request) -> Response:
        return await self._renew(request, is_link=True)

    async def confirm_revoke(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        tenant_id, invitation_id = self._ids(request)
        view = await self._runner.read(get_invitation, identity, tenant_id, invitation_id)
        return await self._pages.render(
            request,
            "confirm.html",
            title="Revoke this invitation",
            text="Its link stops working at once. You can invite the same address again at any time.",
            facts=[
                {"label": "Sent to", "value": view.invitation.invited_email.key},
                {"label": "Role", "value": view.invitation.role},
            ],
            action_url=f"{settings_path(tenant_id)}/invitations/{quote(invitation_id, safe='')}/revoke",
            confirm_label="Revoke invitation",
            cancel_url=settings_path(tenant_id),
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

    async def confirm_remove(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        tenant_id, principal_id = get_part(request, "tenant_id"), get_part(request, "principal_id")
        member = await self._runner.read(get_member, identity, tenant_id, principal_id)
        facts = [{"label": "Member", "value": member.name or member.email or principal_id}]
        if member.email:
            facts.append({"label": "Address", "value": member.email})
        return await self._pages.render(
            request,
            "confirm.html",
            title="Remove this member",
            text="They lose access at once. Invitations they sent, and any to their addresses, are revoked.",
            facts=[*facts, {"label": "Role", "value": member.role}],
            action_url=f"{settings_path(tenant_id)}/members/{quote(principal_id, safe='')}/remove",
            confirm_label="Remove member",
            cancel_url=settings_path(tenant_id),
            is_danger=True,
        )

    async def remove(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        tenant_id, principal_id = get_part(request, "tenant_id"), get_part(request, "principal_id")
        try:
            await self._runner.run(
                remove_member, identity, tenant_id, principal_id, context=self._pages.context(request)
            )
        except LastOwnerError as error:
            return await self._view.render(request, status=409, notice=("warning", str(error)))
        is_self = principal_id == identity.principal_id
        return redirect("/" if is_self else f"{settings_path(tenant_id)}?done=removed")

    async def _renew(self, request: Request, *, is_link: bool) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        tenant_id, invitation_id = self._ids(request)
        try:
            issued = await self._runner.run(
                resend,
                identity,
                tenant_id,
                invitation_id,
                deliver="link" if is_link else "email",
                context=self._pages.context(request),
                limits=self._pages.services.limits,
            )
        except (IssueRefusedError, NotPendingError, RateLimitedError) as error:
            return await self._view.render(request, status=409, notice=("warning", _advise(error)))
        metrics.ISSUED.labels("resend").inc()
        return await self._after_issue(request, issued, "resent")

    async def _after_issue(self, request: Request, issued: IssuedInvitation, done: str) -> Response:
        if issued.token is None:
            return redirect(f"{settings_path(issued.invitation.tenant_id)}?done={done}")
        url = f"{self._pages.services.public_url}/i/{issued.token.reveal()}"
        return await self._view.render(request, fresh_link=FreshLink(url=url, invitation=issued.invitation))

    async def _refuse_issue(
        self, request: Request, values: dict[str, str], error: VestibuleError
    ) -> Response:
        field = _FIELD_OF.get(error.code)
        errors = {field: str(error)} if field is not None else {}
        notice = None if field is not None else ("warning", _advise(error))
        return await self._view.render(request, status=409, values=values, errors=errors, notice=notice)

    def _ids(self, request: Request) -> tuple[str, str]:
        return get_part(request, "tenant_id"), get_part(request, "invitation_id")


def _read_draft(form: dict[str, str]) -> InvitationDraft:
    try:
        email = EmailAddress.parse_input(form.get("email", ""))
    except AddressFaultError as error:
        raise InvalidRequestError(FieldFault("/email", error.faults[0].message)) from None
    message = form.get("message", "").replace("\r\n", "\n").strip()
    deliver = form.get("deliver", "email")
    if deliver not in ("email", "link"):
        raise InvalidRequestError(FieldFault("/deliver", "Choose email or link."))
    return InvitationDraft(
        email=email,
        role=form.get("role", ""),
        message=message or None,
        deliver="link" if deliver == "link" else "email",
    )


def _advise(error: VestibuleError) -> str:
    if isinstance(error, RateLimitedError):
        minutes = -(-error.retry_after // 60)
        return f"{error} Try again in {minutes} {'minute' if minutes == 1 else 'minutes'}."
    return str(error)
