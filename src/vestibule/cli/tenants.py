# SPDX-License-Identifier: Apache-2.0
"""``vestibule tenant``: put, get, suspend, resume, delete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from vestibule.actions.tenants.end_tenant import delete_tenant, resume_tenant, suspend_tenant
from vestibule.actions.tenants.put_tenant import put_tenant
from vestibule.actions.tenants.review_tenant import get_tenant
from vestibule.cli.arguments import parse_tenant_id, read_policy
from vestibule.cli.printing import AsJson, facts, moment, show
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.core.naming import TENANT_NAME_MAX, check_name
from vestibule.core.policy import dump_policy
from vestibule.core.tenant import Tenant
from vestibule.errors import VestibuleError

app = typer.Typer(help="Tenants: the boundary in which membership is granted.", no_args_is_help=True)
TenantId = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]


@app.command("put")
def put(
    tenant_id: TenantId,
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="Its name, as invitees read it.")],
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JSON file with its policy. Without: as it is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a tenant, or change its name and policy."""
    check_name("--name", name, TENANT_NAME_MAX)
    document = read_policy(policy)
    with open_desk() as desk:
        tenant, is_new = desk.runner.run(
            put_tenant,
            OPERATOR,
            parse_tenant_id(tenant_id),
            name=name,
            policy=document,
            context=desk.context,
        )
    told = f"Tenant {tenant.tenant_id} is {'new' if is_new else 'changed'}."
    show({**describe_tenant(tenant), "is_new": is_new}, [told], as_json=as_json)


@app.command("get")
def get(tenant_id: TenantId, *, as_json: AsJson = False) -> None:
    """Show a tenant: state, seats and policy."""
    with open_desk() as desk:
        view = desk.runner.read(get_tenant, OPERATOR, parse_tenant_id(tenant_id))
    seats = None if view.seats is None else {"used": view.seats[0], "limit": view.seats[1]}
    document = {**describe_tenant(view.tenant), "seats": seats}
    shown = facts(
        [
            ("tenant", view.tenant.tenant_id),
            ("name", view.tenant.name),
            ("state", view.tenant.state),
            ("created", document["created_at"]),
            ("suspended", document["suspended_at"]),
            ("seats", "no limit" if seats is None else f"{seats['used']} of {seats['limit']}"),
            ("policy version", view.tenant.policy_version),
            ("policy", json.dumps(document["policy"], sort_keys=True)),
        ]
    )
    show(document, shown, as_json=as_json)


@app.command("suspend")
def suspend(tenant_id: TenantId, *, as_json: AsJson = False) -> None:
    """Suspend a tenant; what is pending there is revoked. `resume` doesn't bring it back."""
    with open_desk() as desk:
        tenant = desk.runner.run(suspend_tenant, OPERATOR, parse_tenant_id(tenant_id), context=desk.context)
    show(describe_tenant(tenant), [f"Tenant {tenant.tenant_id} is suspended."], as_json=as_json)


@app.command("resume")
def resume(tenant_id: TenantId, *, as_json: AsJson = False) -> None:
    """Make a suspended tenant active again."""
    with open_desk() as desk:
        tenant = desk.runner.run(resume_tenant, OPERATOR, parse_tenant_id(tenant_id), context=desk.context)
    show(describe_tenant(tenant), [f"Tenant {tenant.tenant_id} is active."], as_json=as_json)


@app.command("delete")
def delete(
    tenant_id: TenantId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a tenant for good: what is pending is revoked, and its id can't be used again."""
    wanted = parse_tenant_id(tenant_id)
    if not yes and not typer.confirm(f"Delete tenant {wanted} for good?", err=True):
        raise VestibuleError("Nothing was deleted.")
    with open_desk() as desk:
        desk.runner.run(delete_tenant, OPERATOR, wanted, context=desk.context)
    show({"tenant_id": wanted, "state": "deleted"}, [f"Tenant {wanted} is deleted."], as_json=as_json)


def describe_tenant(tenant: Tenant) -> dict[str, Any]:
    """The same members as in the API."""
    return {
        "tenant_id": tenant.tenant_id,
        "name": tenant.name,
        "state": tenant.state,
        "policy": json.loads(dump_policy(tenant.policy)),
        "policy_version": tenant.policy_version,
        "created_at": moment(tenant.created_at),
        "suspended_at": moment(tenant.suspended_at),
    }
