# SPDX-License-Identifier: Apache-2.0
"""``vestibule connection``: ways to sign in, of the deployment or with ``--tenant`` of one tenant."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from vestibule.actions.connections.put_connection import (
    disable_connection,
    put_connection,
    remove_connection,
)
from vestibule.actions.connections.review_connections import get_connection, list_connections
from vestibule.bootstrap import make_relying_party
from vestibule.cli.arguments import parse_tenant_id
from vestibule.cli.printing import AsJson, facts, moment, show, table
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.core.connecting import choose_issuer
from vestibule.core.connection import PROVIDERS, Connection, ConnectionDraft
from vestibule.core.paging import LIMIT_MAX, PageRequest
from vestibule.errors import ConfigurationError, FieldFault, InvalidRequestError, VestibuleError
from vestibule.keyring import make_provider, make_sealer

app = typer.Typer(help="Connections: sign in with OpenID Connect.", no_args_is_help=True)
ConnectionId = Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's id.")]
OfTenant = Annotated[
    str | None, typer.Option("--tenant", metavar="TENANT", help="Of this tenant. Without: for every tenant.")
]


@app.command("put")
def put(  # noqa: PLR0913 - one option per field
    connection_id: ConnectionId,
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="As people read it on the button.")],
    client_id: Annotated[str, typer.Option(metavar="ID", help="What the provider calls this service.")],
    provider: Annotated[
        str, typer.Option(metavar="KIND", help=f"One of {', '.join(PROVIDERS)}.")
    ] = "generic",
    issuer: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The provider's issuer. google, apple and entra have it."),
    ] = None,
    tenant: OfTenant = None,
    secret_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Holds the client secret; - reads one line from standard input."),
    ] = None,
    amr: Annotated[
        list[str] | None,
        typer.Option(metavar="THEIRS=OURS", help="An authentication method, in RFC 8176's words."),
    ] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Nobody signs in through it yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a connection, or change it. Its tenant, provider and issuer never change.

    The client secret is never an argument, which other users of the machine could read. Without one the
    connection keeps the one it has.
    """
    draft = ConnectionDraft(
        name=name,
        provider=provider,  # type: ignore[arg-type]  # checked here
        issuer=choose_issuer(_check_provider(provider), issuer),  # type: ignore[arg-type]
        client_id=client_id,
        secret=_read_secret(secret_file),
        amr_map=_read_map(amr or []),
        is_disabled=disabled,
    )
    with open_desk() as desk:
        sealer = make_sealer(desk.settings, make_provider(desk.settings))
        stored, is_new = desk.runner.run(
            put_connection,
            OPERATOR,
            _tenant(tenant),
            connection_id,
            draft,
            sealer=sealer,
            context=desk.context,
        )
        document = _describe(stored, desk.settings.public_url)
    told = f"Connection {connection_id} is {'new' if is_new else 'changed'}."
    show(
        {**document, "is_new": is_new},
        [told, f"Redirect URI for the provider: {document['redirect_uri']}"],
        as_json=as_json,
    )


@app.command("list")
def list_all(*, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List connections, the oldest first."""
    with open_desk() as desk:
        page = desk.runner.read(
            list_connections, OPERATOR, _tenant(tenant), PageRequest(scope="cli", limit=LIMIT_MAX)
        )
        documents = [_describe(one, desk.settings.public_url) for one in page.items]
    rows = [
        (
            one["connection_id"],
            one["name"],
            one["provider"],
            one["issuer"],
            "disabled" if one["disabled"] else "",
        )
        for one in documents
    ]
    show(documents, table(("connection", "name", "provider", "issuer", ""), rows), as_json=as_json)


@app.command("show")
def show_one(connection_id: ConnectionId, *, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """Show a connection; never its secret."""
    with open_desk() as desk:
        found = desk.runner.read(get_connection, OPERATOR, _tenant(tenant), connection_id)
        document = _describe(found, desk.settings.public_url)
    lines = facts([(key.replace("_", " "), _plain(value)) for key, value in document.items()])
    show(document, lines, as_json=as_json)


@app.command("check")
def check(connection_id: ConnectionId, *, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """Ask the provider, and say what is wrong. Exit status 1 when something is."""
    with open_desk() as desk:
        found = desk.runner.read(get_connection, OPERATOR, _tenant(tenant), connection_id)
        sealer = make_sealer(desk.settings, make_provider(desk.settings))
        party = make_relying_party(desk.settings, sealer)
        findings = list(asyncio.run(party.examine(found)))
    show({"healthy": not findings, "findings": findings}, findings or ["All is well."], as_json=as_json)
    if findings:
        raise typer.Exit(1)


@app.command("disable")
def disable(connection_id: ConnectionId, *, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """Let nobody in through it any more; its sessions count for nothing. `put` enables it again."""
    with open_desk() as desk:
        desk.runner.run(disable_connection, OPERATOR, _tenant(tenant), connection_id, context=desk.context)
    document = {"connection_id": connection_id, "disabled": True}
    show(document, [f"Connection {connection_id} is disabled."], as_json=as_json)


@app.command("remove")
def remove(
    connection_id: ConnectionId,
    *,
    tenant: OfTenant = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a connection with its secret and its sessions. Memberships stay."""
    if not yes and not typer.confirm(f"Remove connection {connection_id}?", err=True):
        raise VestibuleError("Nothing was removed.")
    with open_desk() as desk:
        desk.runner.run(remove_connection, OPERATOR, _tenant(tenant), connection_id, context=desk.context)
    document = {"connection_id": connection_id, "removed": True}
    show(document, [f"Connection {connection_id} is removed."], as_json=as_json)


def _tenant(text: str | None) -> str:
    return "" if text is None else parse_tenant_id(text)


def _check_provider(text: str) -> str:
    if text not in PROVIDERS:
        raise InvalidRequestError(FieldFault("--provider", f"Give one of {', '.join(PROVIDERS)}."))
    return text


def _read_secret(place: str | None) -> str | None:
    if place is None:
        return None
    if place == "-":
        return sys.stdin.readline().rstrip("\r\n")
    try:
        return Path(place).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            "--secret-file", f"can't be read ({type(error).__name__})", "Name a readable file"
        ) from None


def _read_map(pairs: list[str]) -> dict[str, str]:
    read = {}
    for pair in pairs:
        theirs, equals, ours = pair.rpartition("=")
        if not equals or not theirs:
            raise InvalidRequestError(FieldFault("--amr", "Give theirs=ours, such as MultiFactor=mfa."))
        read[theirs] = ours
    return read


def _describe(connection: Connection, public_url: str) -> dict[str, Any]:
    """The same members as in the API."""
    return {
        "connection_id": connection.connection_id,
        "tenant_id": connection.tenant_id or None,
        "name": connection.name,
        "provider": connection.provider,
        "issuer": connection.issuer,
        "client_id": connection.client_id,
        "has_secret": connection.sealed_secret is not None,
        "amr_map": dict(connection.amr_map),
        "disabled": connection.is_disabled,
        "redirect_uri": f"{public_url}/sign-in/callback/{connection.connection_id}",
        "created_at": moment(connection.created_at),
    }


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict) else value
