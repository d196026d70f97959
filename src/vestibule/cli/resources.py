# SPDX-License-Identifier: Apache-2.0
"""``vestibule resource``: put, list, remove."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vestibule.actions.resources.manage import delete_resource, list_resources, put_resource
from vestibule.cli.arguments import parse_tenant_id
from vestibule.cli.members import Cursor, PageSize
from vestibule.cli.printing import AsJson, moment, show, table
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.cli.tenants import TenantId
from vestibule.core.naming import check_name
from vestibule.core.paging import LIMIT_DEFAULT, parse_page_request
from vestibule.core.resource import (
    RESOURCE_ID_PATTERN,
    RESOURCE_NAME_MAX,
    Resource,
    is_resource_id,
)
from vestibule.errors import FieldFault, InvalidRequestError

app = typer.Typer(help="Resources: what else than the tenant a role can be held on.", no_args_is_help=True)
ResourceId = Annotated[str, typer.Argument(metavar="RESOURCE", help="The resource's id.")]


@app.command("put")
def put(
    tenant_id: TenantId,
    resource_id: ResourceId,
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="As people read it.")],
    as_json: AsJson = False,
) -> None:
    """Make a resource of a tenant, or change its name."""
    check_name("--name", name, RESOURCE_NAME_MAX)
    wanted = _parse_resource_id(resource_id)
    with open_desk() as desk:
        done, is_new = desk.runner.run(
            put_resource, OPERATOR, parse_tenant_id(tenant_id), wanted, name, context=desk.context
        )
    told = f"Resource {done.resource_id} is {'new' if is_new else 'changed'}."
    show({**_describe(done), "is_new": is_new}, [told], as_json=as_json)


@app.command("list")
def list_(
    tenant_id: TenantId, *, limit: PageSize = LIMIT_DEFAULT, cursor: Cursor = None, as_json: AsJson = False
) -> None:
    """List a tenant's resources, the oldest first."""
    tenant = parse_tenant_id(tenant_id)
    request = parse_page_request(f"resources:{tenant}", limit, cursor)
    with open_desk() as desk:
        page = desk.runner.read(list_resources, OPERATOR, tenant, request)
    shown = [_describe(one) for one in page.items]
    lines = table(("resource", "name"), [(one["resource_id"], one["name"]) for one in shown])
    if page.next_cursor:
        lines.append(f"More: --cursor {page.next_cursor}")
    show({"items": shown, "next_cursor": page.next_cursor}, lines, as_json=as_json)


@app.command("remove")
def remove(tenant_id: TenantId, resource_id: ResourceId, *, as_json: AsJson = False) -> None:
    """Remove a resource with every grant on it; invitations that name it are revoked."""
    tenant, wanted = parse_tenant_id(tenant_id), _parse_resource_id(resource_id)
    with open_desk() as desk:
        desk.runner.run(delete_resource, OPERATOR, tenant, wanted, context=desk.context)
    document = {"tenant_id": tenant, "resource_id": wanted}
    show(document, [f"Resource {wanted} is gone."], as_json=as_json)


def _parse_resource_id(text: str) -> str:
    if not is_resource_id(text):
        raise InvalidRequestError(FieldFault("RESOURCE", f"A resource id matches {RESOURCE_ID_PATTERN}."))
    return text


def _describe(one: Resource) -> dict[str, Any]:
    return {
        "tenant_id": one.tenant_id,
        "resource_id": one.resource_id,
        "name": one.name,
        "created_at": moment(one.created_at),
    }
