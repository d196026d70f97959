# SPDX-License-Identifier: Apache-2.0
"""``vestibule db``: the database roles of a separated deployment, as SQL (OBS-06)."""

from __future__ import annotations

import typer

from vestibule.cli.printing import AsJson, show
from vestibule.settings import load_settings
from vestibule.storage.engine import parse_database_url
from vestibule.storage.rights import DATABASE_ROLES, list_grants

app = typer.Typer(help="The database's roles.", no_args_is_help=True)


# A group of one command would be that command.
@app.callback()
def _group() -> None: ...


@app.command("grants")
def grants(*, as_json: AsJson = False) -> None:
    """Print the SQL that makes the database roles and gives each what it needs, for PostgreSQL.

    Run it as the database's administrator, again after every `migrate`. SQLite has no roles: there
    the file's owner may do everything. `vestibule doctor` says whether a role has its part and no more.
    """
    url = parse_database_url(load_settings().database_url)
    statements = [] if url.get_backend_name() == "sqlite" else list(list_grants())
    roles = {role.value: name for role, name in DATABASE_ROLES.items()} if statements else {}
    show({"roles": roles, "statements": statements}, _lines(statements), as_json=as_json)


def _lines(statements: list[str]) -> list[str]:
    if not statements:
        return ["-- SQLite has no roles: whoever may open the file may do everything."]
    # Line by line, for what is printed holds no control characters.
    return [line for statement in statements for line in statement.splitlines()]
