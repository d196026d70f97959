# SPDX-License-Identifier: Apache-2.0
"""``vestibule anonymous``: create, list, show, close."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vestibule.actions.anonymity.create_event import (
    check_create,
    check_provider,
    create_event,
    make_event_key,
)
from vestibule.actions.anonymity.review_events import EventView, close_event, get_event, list_events
from vestibule.cli.arguments import parse_moment, parse_tenant_id
from vestibule.cli.members import Cursor, PageSize
from vestibule.cli.printing import AsJson, facts, moment, show, table
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.cli.tenants import TenantId
from vestibule.core.anonymity import RULES, AnonymousEventDraft
from vestibule.core.paging import LIMIT_DEFAULT, parse_page_request
from vestibule.errors import FieldFault, InvalidRequestError
from vestibule.keyring import make_provider

app = typer.Typer(
    help="Anonymous events: who is invited is known, who redeemed a code is not.", no_args_is_help=True
)
EventId = Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")]


@app.command("create")
def create(
    tenant_id: TenantId,
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="As people read it.")],
    closes_at: Annotated[str, typer.Option(metavar="TIME", help="When it is over, with its zone.")],
    opens_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Redeeming begins then, however few have a code.")
    ] = None,
    min_set_size: Annotated[
        int, typer.Option(metavar="NUMBER", help="Redeeming begins when so many have a code.")
    ] = RULES.min_set_size,
    as_json: AsJson = False,
) -> None:
    """Hold an anonymous event: make its key, and what invitations to it name."""
    closes = parse_moment(closes_at, "--closes-at")
    if closes is None:
        raise InvalidRequestError(FieldFault("--closes-at", "Required."))
    draft = AnonymousEventDraft(
        name=name,
        closes_at=closes,
        opens_at=parse_moment(opens_at, "--opens-at"),
        min_set_size=min_set_size,
    )
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        provider = check_provider(make_provider(desk.settings))
        desk.runner.read(check_create, OPERATOR, tenant, draft)
        key = make_event_key(provider)
        event = desk.runner.run(create_event, OPERATOR, tenant, draft, key, context=desk.context)
        view = desk.runner.read(get_event, OPERATOR, tenant, event.event_id)
    invite = f"Invite to it with --grant {event.resource_id}=ROLE"
    show(_describe(view), [*_tell(view), "", invite], as_json=as_json)


@app.command("list")
def list_(
    tenant_id: TenantId, *, limit: PageSize = LIMIT_DEFAULT, cursor: Cursor = None, as_json: AsJson = False
) -> None:
    """List a tenant's anonymous events, the newest first, with their numbers."""
    tenant = parse_tenant_id(tenant_id)
    request = parse_page_request(f"anonymous:{tenant}", limit, cursor)
    with open_desk() as desk:
        page = desk.runner.read(list_events, OPERATOR, tenant, request)
    shown = [_describe(one) for one in page.items]
    columns = ("event_id", "name", "state", "issued_count", "redeemed_count", "closes_at")
    rows = [[one[column] for column in columns] for one in shown]
    lines = table(("event", "name", "state", "issued", "redeemed", "closes"), rows)
    if page.next_cursor:
        lines.append(f"More: --cursor {page.next_cursor}")
    show({"items": shown, "next_cursor": page.next_cursor}, lines, as_json=as_json)


@app.command("show")
def show_one(tenant_id: TenantId, event_id: EventId, *, as_json: AsJson = False) -> None:
    """Show one anonymous event: its key and its numbers."""
    with open_desk() as desk:
        view = desk.runner.read(get_event, OPERATOR, parse_tenant_id(tenant_id), event_id)
    show(_describe(view), _tell(view), as_json=as_json)


@app.command("close")
def close(tenant_id: TenantId, event_id: EventId, *, as_json: AsJson = False) -> None:
    """Close an anonymous event for good: nothing is signed or redeemed any more."""
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        view = desk.runner.run(close_event, OPERATOR, tenant, event_id, context=desk.context)
    show(_describe(view), _tell(view), as_json=as_json)


def _tell(view: EventView) -> list[str]:
    event = view.event
    return facts(
        (
            ("event", event.event_id),
            ("name", event.name),
            ("state", view.state),
            ("key", view.thumbprint),
            ("issued", event.issued_count),
            ("redeemed", event.redeemed_count),
            ("opens with", f"{event.min_set_size} issued"),
            ("opens at", moment(event.opens_at)),
            ("closes at", moment(event.closed_at or event.closes_at)),
        )
    )


def _describe(view: EventView) -> dict[str, Any]:
    event = view.event
    return {
        "event_id": event.event_id,
        "tenant_id": event.tenant_id,
        "name": event.name,
        "state": view.state,
        "resource_id": event.resource_id,
        "key_id": event.key_id,
        "thumbprint": view.thumbprint,
        "min_set_size": event.min_set_size,
        "issued_count": event.issued_count,
        "redeemed_count": event.redeemed_count,
        "opens_at": moment(event.opens_at),
        "closes_at": moment(event.closes_at),
        "closed_at": moment(event.closed_at),
    }
