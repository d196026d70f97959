# SPDX-License-Identifier: Apache-2.0
"""``vestibule person``: what is held of one person, erasing it, and the keys that seal it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from vestibule.actions.privacy.erase_person import erase_person, export_person
from vestibule.actions.privacy.rewrap import review_sealing, rewrap
from vestibule.cli.arguments import parse_principal_id
from vestibule.cli.printing import AsJson, facts, show, table
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.core.email import EmailAddress

app = typer.Typer(help="What is held of one person: show it, erase it.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The person's address.", show_default=False)]
PrincipalId = Annotated[
    str, typer.Option("--principal", metavar="ID", help="The person's principal id, instead of an address.")
]
_BATCH = 200


@app.command("export")
def export(address: Address = "", *, principal: PrincipalId = "", as_json: AsJson = False) -> None:
    """Print everything held of the person. That it was asked for stands in the audit trail."""
    key, principal_id = _name(address, principal)
    with open_desk() as desk:
        held = desk.runner.run(
            export_person, OPERATOR, address=key, principal_id=principal_id, context=desk.context
        )
    show(held, json.dumps(held, indent=2, ensure_ascii=False).splitlines(), as_json=as_json)


@app.command("erase")
def erase(address: Address = "", *, principal: PrincipalId = "", as_json: AsJson = False) -> None:
    """Erase the person: addresses, names and messages in every table; what is pending is revoked.

    Memberships stay, without name and address: `vestibule member offboard` takes access away. The audit
    trail names no address and stays as it is. There is no way back.
    """
    key, principal_id = _name(address, principal)
    with open_desk() as desk:
        counts = desk.runner.run(
            erase_person, OPERATOR, address=key, principal_id=principal_id, context=desk.context
        )
    shown = dict(counts)
    show(shown, facts((name.replace("_", " "), count) for name, count in shown.items()), as_json=as_json)


@app.command("rewrap")
def rewrap_keys(*, as_json: AsJson = False) -> None:
    """Wrap every data key by the key in use, after `vestibule keys rotate kek`.

    The worker does the same by itself. Interrupted, it goes on where it stopped.
    """
    done = 0
    with open_desk() as desk:
        while count := desk.runner.run(rewrap, limit=_BATCH):
            done += count
            if not as_json:
                typer.echo(f"{done} wrapped anew", err=True)
        left = dict(desk.runner.read(review_sealing, OPERATOR).wrapped)
    lines = [f"{done} data keys were wrapped anew.", *table(("key", "data keys"), sorted(left.items()))]
    show({"rewrapped": done, "wrapped_by": left}, lines, as_json=as_json)


def _name(address: str, principal: str) -> tuple[EmailAddress | None, str | None]:
    key = EmailAddress.parse_input(address) if address else None
    return key, parse_principal_id(principal) if principal else None
