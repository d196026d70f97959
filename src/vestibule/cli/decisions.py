# SPDX-License-Identifier: Apache-2.0
"""``vestibule invitations held | approval | approve | reject | correct | ensure``: as a principal.

A role that asks for a fresh or strong session can't be approved here: nobody has signed in to a terminal.
"""

from __future__ import annotations

from typing import Annotated

import typer

from vestibule.actions.invitations.correct import correct
from vestibule.actions.invitations.decide import Decided, approve, reject
from vestibule.actions.invitations.ensure import ensure
from vestibule.actions.invitations.review import list_invitations
from vestibule.actions.invitations.review_held import get_held
from vestibule.cli.arguments import parse_email, parse_tenant_id
from vestibule.cli.invitations import InvitationId, describe_invitation, show_issued
from vestibule.cli.members import Cursor, PageSize
from vestibule.cli.printing import AsJson, facts, moment, show, table
from vestibule.cli.running import ActAs, act_as, open_desk
from vestibule.cli.tenants import TenantId
from vestibule.core.invitation import InvitationDraft, InvitationState
from vestibule.core.paging import LIMIT_DEFAULT, parse_page_request
from vestibule.ports import InvitationFilter

Digest = Annotated[
    str | None, typer.Option(metavar="DIGEST", help="What you were shown; anything else is refused.")
]


def add_to(app: typer.Typer) -> None:
    """The commands stand beside those on invitations."""
    app.command("held")(list_held)
    app.command("approval")(show_approval)
    app.command("approve")(approve_)
    app.command("reject")(reject_)
    app.command("correct")(correct_)
    app.command("ensure")(ensure_)


def list_held(
    tenant_id: TenantId,
    *,
    principal_id: ActAs,
    limit: PageSize = LIMIT_DEFAULT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List what waits for an approval, the newest first."""
    tenant = parse_tenant_id(tenant_id)
    request = parse_page_request(f"held:{tenant}", limit, cursor)
    wanted = InvitationFilter(state=InvitationState.HELD)
    with open_desk() as desk:
        page = desk.runner.read(list_invitations, act_as(principal_id), tenant, wanted, request)
    shown = [describe_invitation(view.invitation, view.state) for view in page.items]
    rows = [
        (
            view.invitation.invitation_id,
            view.invitation.invited_email.key,
            " ".join(view.invitation.promised_roles),
            view.invitation.inviter_principal_id,
            moment(view.invitation.expires_at),
        )
        for view in page.items
    ]
    lines = table(("invitation", "email", "roles", "asked by", "decide until"), rows)
    if page.next_cursor:
        lines.append(f"More: --cursor {page.next_cursor}")
    show({"items": shown, "next_cursor": page.next_cursor}, lines, as_json=as_json)


def show_approval(
    tenant_id: TenantId, invitation_id: InvitationId, *, principal_id: ActAs, as_json: AsJson = False
) -> None:
    """Show exactly what would be approved, its digest, and why you may not."""
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        view = desk.runner.read(get_held, act_as(principal_id), tenant, invitation_id)
    request = view.request
    document = {
        **describe_invitation(request.invitation, InvitationState.HELD),
        "digest": request.digest,
        "approvals_counted": view.counted,
        "approvals_needed": request.needed,
        "approvals": [
            {"approver_principal_id": one.approver_principal_id, "approved_at": moment(one.approved_at)}
            for one in view.approvals
        ],
        "objection": view.objection,
    }
    show(document, facts(document.items()), as_json=as_json)


def approve_(
    tenant_id: TenantId,
    invitation_id: InvitationId,
    *,
    principal_id: ActAs,
    digest: Digest = None,
    as_json: AsJson = False,
) -> None:
    """Approve a held invitation; the last approval needed issues it."""
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        done = desk.runner.run(
            approve, act_as(principal_id), tenant, invitation_id, digest=digest, context=desk.context
        )
    _show_decided(done, as_json=as_json)


def reject_(
    tenant_id: TenantId,
    invitation_id: InvitationId,
    *,
    principal_id: ActAs,
    digest: Digest = None,
    as_json: AsJson = False,
) -> None:
    """Close a held invitation for good; its inviter withdraws it the same way."""
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        done = desk.runner.run(
            reject, act_as(principal_id), tenant, invitation_id, digest=digest, context=desk.context
        )
    _show_decided(done, as_json=as_json)


def correct_(
    tenant_id: TenantId,
    invitation_id: InvitationId,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The right address.")],
    *,
    principal_id: ActAs,
    as_json: AsJson = False,
) -> None:
    """Make the same promise to the right address; the mistyped one is superseded."""
    with open_desk() as desk:
        issued = desk.runner.run(
            correct,
            act_as(principal_id),
            parse_tenant_id(tenant_id),
            invitation_id,
            parse_email(email),
            context=desk.context,
            limits=desk.settings.limits,
        )
        show_issued(desk, issued, as_json=as_json)


def ensure_(
    tenant_id: TenantId,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Who has the role, or is invited to it.")],
    *,
    role: Annotated[str, typer.Option(metavar="ROLE", help="The role they are to have.")],
    principal_id: ActAs,
    as_json: AsJson = False,
) -> None:
    """Ensure that an address has a role or is invited to it; repeating changes nothing.

    A member keeps the role it has; a difference is told as drift.
    """
    draft = InvitationDraft(email=parse_email(email), role=role)
    with open_desk() as desk:
        done = desk.runner.run(
            ensure,
            act_as(principal_id),
            parse_tenant_id(tenant_id),
            draft,
            context=desk.context,
            limits=desk.settings.limits,
        )
    document = {
        "ensured_id": done.ensured_id,
        "outcome": done.outcome,
        "invitation_id": None if done.invitation is None else done.invitation.invitation_id,
        "principal_id": None if done.member is None else done.member.principal_id,
        "drift": [{"field": one.field, "wanted": one.wanted, "actual": one.actual} for one in done.drift],
    }
    lines = [f"{draft.email.key}: {done.outcome}."]
    lines += [f"Drift: {one.field} is {one.actual}, not {one.wanted}." for one in done.drift]
    show(document, lines, as_json=as_json)


def _show_decided(done: Decided, *, as_json: bool) -> None:
    document = {
        **describe_invitation(done.invitation, done.state),
        "digest": done.digest,
        "approvals_counted": done.counted,
        "approvals_needed": done.needed,
    }
    told = f"Invitation {done.invitation.invitation_id} is {done.state.value}"
    if done.state is InvitationState.HELD:
        told += f": {done.counted} of {done.needed} approvals"
    show(document, [told + "."], as_json=as_json)
