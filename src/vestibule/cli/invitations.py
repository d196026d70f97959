# SPDX-License-Identifier: Apache-2.0
"""``vestibule invite`` and ``vestibule invitations``: as a principal, with that principal's rights."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from vestibule.actions.invitations.issue import issue
from vestibule.actions.invitations.resend import resend
from vestibule.actions.invitations.review import get_invitation, list_invitations
from vestibule.actions.invitations.revoke import revoke
from vestibule.actions.links.order_envelope import order_for_draft, order_for_renewal
from vestibule.cli.arguments import (
    parse_duration,
    parse_email,
    parse_grant,
    parse_moment,
    parse_tenant_id,
)
from vestibule.cli.members import Cursor, PageSize
from vestibule.cli.printing import AsJson, facts, moment, show, table
from vestibule.cli.running import ActAs, Desk, act_as, open_desk, sign_link
from vestibule.cli.tenants import TenantId
from vestibule.core.invitation import MESSAGE_MAX, Invitation, InvitationDraft, InvitationState
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.naming import check_message
from vestibule.core.paging import LIMIT_DEFAULT, parse_page_request
from vestibule.ports import InvitationFilter

app = typer.Typer(help="Invitations: see, resend, revoke, decide on them.", no_args_is_help=True)
InvitationId = Annotated[str, typer.Argument(metavar="INVITATION", help="The invitation's id.")]
ByLink = Annotated[bool, typer.Option("--link", help="Print the link, once, instead of mailing it.")]


def invite(  # noqa: PLR0913 - every option of the command by its name
    tenant_id: TenantId,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whom to invite.")],
    *,
    principal_id: ActAs,
    role: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="The role they get by accepting. Members need none for a grant."),
    ] = None,
    grant: Annotated[
        list[str] | None,
        typer.Option(metavar="RESOURCE=ROLE[:DURATION]", help="A role on a resource, too; may be repeated."),
    ] = None,
    justification: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; some roles are granted for a stated reason only.")
    ] = None,
    starts: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the membership begins, such as 2030-01-31T12:00:00Z."),
    ] = None,
    lasts: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long the membership lasts, such as 90d.")
    ] = None,
    message: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A personal message for the mail.")
    ] = None,
    expires_in: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Shorter than policy says, such as 2h.")
    ] = None,
    link: ByLink = False,
    as_json: AsJson = False,
) -> None:
    """Invite an address to a tenant, by mail or by a link to hand over.

    The mail leaves when a worker runs. An earlier pending invitation to the address is superseded. What
    needs an approval is held until it is given (`invitations approve`).
    """
    if message is not None:
        check_message("--message", message, MESSAGE_MAX)
    draft = InvitationDraft(
        email=parse_email(email),
        role=role,
        grants=tuple(parse_grant(one) for one in grant or ()),
        justification=justification,
        membership_starts_at=parse_moment(starts, "--starts"),
        membership_expires_in=parse_duration(lasts, "--lasts"),
        message=message,
        expires_in=parse_duration(expires_in, "--expires-in"),
        deliver="link" if link else "email",
    )
    actor, tenant = act_as(principal_id), parse_tenant_id(tenant_id)
    with open_desk() as desk:
        issued = desk.runner.run(
            issue,
            actor,
            tenant,
            draft,
            token=sign_link(desk, order_for_draft, actor, tenant, draft) if link else None,
            context=desk.context,
            limits=desk.settings.limits,
        )
        show_issued(desk, issued, as_json=as_json)


@app.command("list")
def list_(
    tenant_id: TenantId,
    *,
    principal_id: ActAs,
    state: Annotated[InvitationState | None, typer.Option(help="Only those in this state.")] = None,
    email: Annotated[str | None, typer.Option(metavar="EMAIL", help="Only those to this address.")] = None,
    limit: PageSize = LIMIT_DEFAULT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List a tenant's invitations, the newest first."""
    tenant = parse_tenant_id(tenant_id)
    wanted = InvitationFilter(state=state, email=None if email is None else parse_email(email))
    address = "" if wanted.email is None else wanted.email.key
    request = parse_page_request(f"invitations:{tenant}:{state or ''}:{address}", limit, cursor)
    with open_desk() as desk:
        page = desk.runner.read(list_invitations, act_as(principal_id), tenant, wanted, request)
    shown = [describe_invitation(view.invitation, view.state) for view in page.items]
    rows = [
        (one["invitation_id"], one["state"], one["email"], one["role"], one["expires_at"]) for one in shown
    ]
    lines = table(("invitation", "state", "email", "role", "expires"), rows)
    if page.next_cursor:
        lines.append(f"More: --cursor {page.next_cursor}")
    show({"items": shown, "next_cursor": page.next_cursor}, lines, as_json=as_json)


@app.command("show")
def show_one(
    tenant_id: TenantId, invitation_id: InvitationId, *, principal_id: ActAs, as_json: AsJson = False
) -> None:
    """Show one invitation. Its link is not to be had: it was given out once."""
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        view = desk.runner.read(get_invitation, act_as(principal_id), tenant, invitation_id)
    document = describe_invitation(view.invitation, view.state)
    show(document, facts(document.items()), as_json=as_json)


@app.command("resend")
def resend_(
    tenant_id: TenantId,
    invitation_id: InvitationId,
    *,
    principal_id: ActAs,
    email: Annotated[
        str | None,
        typer.Option(metavar="EMAIL", help="Its address again, where the tenant keeps none."),
    ] = None,
    link: ByLink = False,
    as_json: AsJson = False,
) -> None:
    """Send a pending invitation again; the earlier link dies and the time to accept starts anew."""
    actor, tenant = act_as(principal_id), parse_tenant_id(tenant_id)
    with open_desk() as desk:
        issued = desk.runner.run(
            resend,
            actor,
            tenant,
            invitation_id,
            deliver="link" if link else "email",
            email=None if email is None else parse_email(email),
            token=sign_link(desk, order_for_renewal, actor, tenant, invitation_id) if link else None,
            context=desk.context,
            limits=desk.settings.limits,
        )
        show_issued(desk, issued, as_json=as_json)


@app.command("revoke")
def revoke_(
    tenant_id: TenantId, invitation_id: InvitationId, *, principal_id: ActAs, as_json: AsJson = False
) -> None:
    """Revoke a pending invitation; its link is dead from here on."""
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        desk.runner.run(revoke, act_as(principal_id), tenant, invitation_id, context=desk.context)
    document = {"invitation_id": invitation_id, "state": "revoked"}
    show(document, [f"Invitation {invitation_id} is revoked."], as_json=as_json)


def describe_invitation(invitation: Invitation, state: InvitationState) -> dict[str, Any]:
    """The same members as in the API; never the token."""
    return {
        "invitation_id": invitation.invitation_id,
        "tenant_id": invitation.tenant_id,
        "state": state.value,
        "email": invitation.invited_email.shown,
        "role": invitation.role,
        "grants": [asdict(one) for one in invitation.grants],
        "justification": invitation.justification,
        "membership_starts_at": moment(invitation.membership_starts_at),
        "corrects_id": invitation.corrects_id,
        "inviter_principal_id": invitation.inviter_principal_id,
        "message": invitation.message,
        "scope": invitation.scope,
        "metadata": None if invitation.metadata is None else dict(invitation.metadata),
        "locale": invitation.locale,
        "membership_expires_in": invitation.membership_expires_in,
        "created_at": moment(invitation.created_at),
        "expires_at": moment(invitation.expires_at),
        "generation": invitation.generation,
        "send_count": invitation.send_count,
        "last_sent_at": moment(invitation.last_sent_at),
        "accepted_at": moment(invitation.consumed_at),
        "declined_at": moment(invitation.declined_at),
        "revoked_at": moment(invitation.revoked_at),
        "revoked_reason": invitation.revoked_reason,
    }


def show_issued(desk: Desk, issued: IssuedInvitation, *, as_json: bool) -> None:
    """Say what was promised, and what comes next; the link only now."""
    invitation = issued.invitation
    document = describe_invitation(invitation, issued.state)
    roles = " and ".join(dict.fromkeys(invitation.promised_roles))
    if issued.state is InvitationState.HELD:
        lines = [
            f"The invitation of {document['email']} as {roles} is held until somebody else approves it.",
            f"Invitation {document['invitation_id']}, to be decided on until {document['expires_at']}.",
        ]
    else:
        lines = [
            f"{document['email']} is invited to {document['tenant_id']} as {roles}.",
            f"Invitation {document['invitation_id']}, open until {document['expires_at']}.",
        ]
    if issued.token is not None:
        document["link"] = f"{desk.settings.public_url}/i/{issued.token.reveal()}"
        lines.append(f"Link (shown this once; for {document['email']} only): {document['link']}")
    show(document, lines, as_json=as_json)
