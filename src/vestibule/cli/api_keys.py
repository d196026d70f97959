# SPDX-License-Identifier: Apache-2.0
"""``vestibule api-key``: create, list, revoke. A secret is shown once."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vestibule.actions.api_keys import create_key, list_keys, revoke_key
from vestibule.cli.printing import AsJson, moment, show, table
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.core.account import NAME_MAX, ApiKey
from vestibule.core.identity import ALL_SCOPES, DIRECTORY_SCOPE, Scope
from vestibule.core.naming import check_name
from vestibule.errors import FieldFault, InvalidRequestError

app = typer.Typer(help="API keys of host backends.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCOPE",
            help="tenants, members, principals or directory; repeat it. Without: all but directory.",
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(metavar="TENANT", help="Bind the key to this tenant; directory needs it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print its secret: the only time it can be seen."""
    check_name("NAME", name, NAME_MAX)
    scopes = _read_scopes(scope)
    with open_desk() as desk:
        created = desk.runner.run(
            create_key, OPERATOR, name=name, scopes=scopes, tenant_id=tenant, context=desk.context
        )
    lines = [f"Key {created.key.key_id}", f"Secret (shown this once): {created.secret}"]
    show({**_describe(created.key), "secret": created.secret}, lines, as_json=as_json)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the keys, revoked ones included; never their secrets."""
    with open_desk() as desk:
        shown = [_describe(key) for key in desk.runner.read(list_keys, OPERATOR)]
    rows = [
        (
            *(one["key_id"], one["name"], " ".join(one["scopes"])),
            one["tenant_id"] or "",
            one["created_at"],
            one["revoked_at"],
        )
        for one in shown
    ]
    heads = ("key", "name", "scopes", "tenant", "created", "revoked")
    show({"items": shown}, table(heads, rows), as_json=as_json)


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")], *, as_json: AsJson = False
) -> None:
    """Revoke a key; it opens nothing from the next request on."""
    with open_desk() as desk:
        desk.runner.run(revoke_key, OPERATOR, key_id, context=desk.context)
    show({"key_id": key_id, "is_revoked": True}, [f"Key {key_id} is revoked."], as_json=as_json)


def _read_scopes(given: list[str] | None) -> frozenset[Scope]:
    by_default = ALL_SCOPES - {DIRECTORY_SCOPE}
    wanted = frozenset(scope for scope in ALL_SCOPES if scope in (given or by_default))
    if set(given or ()) - wanted:
        raise InvalidRequestError(FieldFault("--scope", f"Give one of {', '.join(sorted(ALL_SCOPES))}."))
    return wanted


def _describe(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "tenant_id": key.tenant_id,
        "created_at": moment(key.created_at),
        "revoked_at": moment(key.revoked_at),
    }
