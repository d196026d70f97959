# SPDX-License-Identifier: Apache-2.0
"""``vestibule suppression``: addresses that want no invitations."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vestibule.actions.abuse.suppressions import lift_suppression, list_suppressions, put_suppression
from vestibule.cli.printing import AsJson, moment, show, table
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.core.abuse import Suppression
from vestibule.core.email import EmailAddress
from vestibule.core.paging import parse_page_request

app = typer.Typer(help="Addresses that want no invitations.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address.")]


@app.command("list")
def list_(
    *,
    limit: Annotated[int, typer.Option(help="How many, at most 100.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List them, tenants' blocks included, the newest first."""
    with open_desk() as desk:
        page = desk.runner.read(
            list_suppressions, OPERATOR, parse_page_request("suppressions", limit, cursor)
        )
    shown = [_describe(one) for one in page.items]
    rows = [(one["address"], one["tenant_id"] or "(all)", one["reason"], one["created_at"]) for one in shown]
    lines = [*table(("address", "tenant", "reason", "since"), rows)]
    if page.next_cursor:
        lines.append(f"More: --cursor {page.next_cursor}")
    show({"items": shown, "next_cursor": page.next_cursor}, lines, as_json=as_json)


@app.command("add")
def add(address: Address, *, as_json: AsJson = False) -> None:
    """Mail no tenant's invitations to this address."""
    key = EmailAddress.parse_input(address)
    with open_desk() as desk:
        kept, _ = desk.runner.run(put_suppression, OPERATOR, key, "operator", context=desk.context)
    show(_describe(kept), [f"No invitations are mailed to {kept.address.key}."], as_json=as_json)


@app.command("remove")
def remove(
    address: Address,
    *,
    tenant: Annotated[
        str, typer.Option(metavar="TENANT", help="Lift what the recipient has blocked of this tenant.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Mail invitations to this address again."""
    key = EmailAddress.parse_input(address)
    with open_desk() as desk:
        desk.runner.run(lift_suppression, OPERATOR, key, tenant_id=tenant, context=desk.context)
    show(
        {"address": key.key, "is_lifted": True},
        [f"Invitations are mailed to {key.key} again."],
        as_json=as_json,
    )


def _describe(kept: Suppression) -> dict[str, Any]:
    return {
        "address": kept.address.key,
        "tenant_id": kept.tenant_id,
        "reason": kept.reason,
        "created_at": moment(kept.created_at),
    }
