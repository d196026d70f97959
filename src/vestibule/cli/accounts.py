# SPDX-License-Identifier: Apache-2.0
"""``vestibule account``: local accounts whose address the operator vouches for."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vestibule.actions.accounts.sign_in import create_account
from vestibule.cli.arguments import parse_email
from vestibule.cli.printing import AsJson, show
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.core.account import NAME_MAX
from vestibule.core.naming import check_name
from vestibule.identity import passwords

app = typer.Typer(help="Local accounts of the hosted pages.", no_args_is_help=True)


@app.callback()
def accounts() -> None:
    """Local accounts of the hosted pages."""


@app.command("create")
def create(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Its address, which you vouch for.")],
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="As others read it.")],
    as_json: AsJson = False,
) -> None:
    """Make a local account, for a first owner. People who are invited make their own.

    The password is asked for, or read as one line from standard input; never given as an argument, which
    other users of the machine could read.
    """
    address = parse_email(email)
    check_name("--name", name, NAME_MAX)
    with open_desk() as desk:
        password = _read_password()
        passwords.check_password_strength(password, address=address)
        hashed = passwords.hash_password(password)
        account_id = desk.runner.run(
            create_account, OPERATOR, address, name=name, password_hash=hashed, context=desk.context
        )
    lines = [f"Account {account_id} for {address.key}. Next: vestibule member put TENANT '{account_id}' …"]
    show({"principal_id": account_id, "email": address.key, "name": name}, lines, as_json=as_json)


def _read_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
