# SPDX-License-Identifier: Apache-2.0
"""``vestibule review``: look at break-glass grants afterwards, as a principal."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vestibule.actions.invitations.review_held import close_review, list_reviews
from vestibule.cli.arguments import parse_tenant_id
from vestibule.cli.invitations import InvitationId
from vestibule.cli.members import Cursor, PageSize
from vestibule.cli.printing import AsJson, moment, show, table
from vestibule.cli.running import ActAs, act_as, open_desk
from vestibule.cli.tenants import TenantId
from vestibule.core.paging import LIMIT_DEFAULT, parse_page_request
from vestibule.ports import Review

app = typer.Typer(help="Reviews: what nobody had to approve, somebody looks at.", no_args_is_help=True)


@app.command("list")
def list_(
    tenant_id: TenantId,
    *,
    principal_id: ActAs,
    limit: PageSize = LIMIT_DEFAULT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List break-glass grants that nobody has reviewed yet, the newest first."""
    tenant = parse_tenant_id(tenant_id)
    request = parse_page_request(f"reviews:{tenant}", limit, cursor)
    with open_desk() as desk:
        page = desk.runner.read(list_reviews, act_as(principal_id), tenant, request, is_open=True)
    shown = [_describe(one) for one in page.items]
    rows = [(one["invitation_id"], one["principal_id"], one["role"], one["due_at"]) for one in shown]
    lines = table(("invitation", "taken by", "role", "review due"), rows)
    if page.next_cursor:
        lines.append(f"More: --cursor {page.next_cursor}")
    show({"items": shown, "next_cursor": page.next_cursor}, lines, as_json=as_json)


@app.command("close")
def close(
    tenant_id: TenantId,
    invitation_id: InvitationId,
    *,
    note: Annotated[str, typer.Option(metavar="TEXT", help="What you found.")],
    principal_id: ActAs,
    as_json: AsJson = False,
) -> None:
    """Close a review; nobody reviews oneself."""
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        done = desk.runner.run(
            close_review, act_as(principal_id), tenant, invitation_id, note, context=desk.context
        )
    show(_describe(done), [f"The review of {done.principal_id} as {done.role} is closed."], as_json=as_json)


def _describe(review: Review) -> dict[str, Any]:
    return {
        "invitation_id": review.invitation_id,
        "principal_id": review.principal_id,
        "role": review.role,
        "opened_at": moment(review.opened_at),
        "due_at": moment(review.due_at),
        "reviewed_at": moment(review.reviewed_at),
        "reviewer_principal_id": review.reviewer_principal_id,
        "note": review.note,
    }
