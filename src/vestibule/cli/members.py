# SPDX-License-Identifier: Apache-2.0
"""``vestibule member``: put, list, remove, offboard."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vestibule.actions.members.offboard import offboard
from vestibule.actions.members.put_member import MemberDraft, put_member
from vestibule.actions.members.remove_member import remove_member
from vestibule.actions.members.review_members import list_members
from vestibule.actions.resources.manage import list_grants
from vestibule.cli.arguments import parse_email, parse_end, parse_principal_id, parse_tenant_id
from vestibule.cli.printing import AsJson, moment, show, table
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.cli.tenants import TenantId
from vestibule.core.naming import MEMBER_NAME_MAX, check_name
from vestibule.core.paging import LIMIT_DEFAULT, LIMIT_MAX, parse_page_request
from vestibule.core.tenant import Membership
from vestibule.storage.unit_of_work import system_clock

app = typer.Typer(help="Members: who has which role in a tenant.", no_args_is_help=True)
PrincipalId = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="The principal's id.")]
PageSize = Annotated[int, typer.Option("--limit", min=1, max=LIMIT_MAX, help="How many.")]
Cursor = Annotated[str | None, typer.Option(metavar="CURSOR", help="next_cursor of the page before.")]


@app.command("put")
def put(
    tenant_id: TenantId,
    principal_id: PrincipalId,
    *,
    role: Annotated[str, typer.Option(metavar="ROLE", help="A role of the tenant.")],
    email: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Where notices go; also what `already_member` knows.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="As others read it.")] = None,
    expires_in: Annotated[
        str | None, typer.Option(metavar="DURATION", help="When the membership ends, such as 30d.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a principal a role in a tenant, without an invitation; recorded as an administrative act."""
    if name is not None:
        check_name("--name", name, MEMBER_NAME_MAX)
    draft = MemberDraft(
        role=role,
        email=None if email is None else parse_email(email),
        name=name,
        expires_at=parse_end(expires_in, "--expires-in", system_clock()),
    )
    with open_desk() as desk:
        membership, is_new = desk.runner.run(
            put_member,
            OPERATOR,
            parse_tenant_id(tenant_id),
            parse_principal_id(principal_id),
            draft,
            context=desk.context,
        )
    told = f"{membership.principal_id} is {membership.role} in {membership.tenant_id}."
    show({**describe_member(membership), "is_new": is_new}, [told], as_json=as_json)


@app.command("list")
def list_(
    tenant_id: TenantId, *, limit: PageSize = LIMIT_DEFAULT, cursor: Cursor = None, as_json: AsJson = False
) -> None:
    """List a tenant's members, the oldest first."""
    wanted = parse_tenant_id(tenant_id)
    request = parse_page_request(f"members:{wanted}", limit, cursor)
    with open_desk() as desk:
        page = desk.runner.read(list_members, OPERATOR, wanted, request)
    shown = [describe_member(one) for one in page.items]
    rows = [(one["principal_id"], one["role"], one["name"], one["email"], one["expires_at"]) for one in shown]
    lines = table(("principal", "role", "name", "email", "ends"), rows)
    if page.next_cursor:
        lines.append(f"More: --cursor {page.next_cursor}")
    show({"items": shown, "next_cursor": page.next_cursor}, lines, as_json=as_json)


@app.command("grants")
def grants(tenant_id: TenantId, principal_id: PrincipalId, *, as_json: AsJson = False) -> None:
    """List what a member holds on resources, now, and until when."""
    tenant, principal = parse_tenant_id(tenant_id), parse_principal_id(principal_id)
    with open_desk() as desk:
        held = desk.runner.read(list_grants, OPERATOR, tenant, principal)
    shown = [
        {
            "resource_id": one.resource_id,
            "role": one.role,
            "created_at": moment(one.created_at),
            "expires_at": moment(one.expires_at),
            "invitation_id": one.invitation_id,
        }
        for one in held
    ]
    rows = [(one["resource_id"], one["role"], one["expires_at"], one["invitation_id"]) for one in shown]
    show({"items": shown}, table(("resource", "role", "ends", "invitation"), rows), as_json=as_json)


@app.command("remove")
def remove(tenant_id: TenantId, principal_id: PrincipalId, *, as_json: AsJson = False) -> None:
    """Remove a member, and revoke through what they could walk back in."""
    tenant, principal = parse_tenant_id(tenant_id), parse_principal_id(principal_id)
    with open_desk() as desk:
        desk.runner.run(remove_member, OPERATOR, tenant, principal, context=desk.context)
    document = {"tenant_id": tenant, "principal_id": principal}
    show(document, [f"{principal} is no member of {tenant}."], as_json=as_json)


@app.command("offboard")
def offboard_(principal_id: PrincipalId, *, as_json: AsJson = False) -> None:
    """Remove a principal everywhere at once: memberships, invitations, sessions."""
    with open_desk() as desk:
        done = desk.runner.run(offboard, OPERATOR, parse_principal_id(principal_id), context=desk.context)
    document = {
        "memberships_removed": done.memberships_removed,
        "invitations_revoked": done.invitations_revoked,
        "sessions_ended": done.sessions_ended,
        "last_owner_of": list(done.last_owner_of),
    }
    lines = [
        f"Memberships removed: {done.memberships_removed}",
        f"Invitations revoked: {done.invitations_revoked}",
        f"Sessions ended: {done.sessions_ended}",
    ]
    lines += [f"Tenant {tenant} needs another owner." for tenant in done.last_owner_of]
    show(document, lines, as_json=as_json)


def describe_member(membership: Membership) -> dict[str, Any]:
    """The same members as in the API."""
    return {
        "principal_id": membership.principal_id,
        "role": membership.role,
        "email": membership.shown_email,
        "name": membership.name,
        "created_at": moment(membership.created_at),
        "expires_at": moment(membership.expires_at),
        "invitation_id": membership.invitation_id,
    }
