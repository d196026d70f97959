# SPDX-License-Identifier: Apache-2.0
"""The command and the screen it shows."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from vestibule.cli.demo.owner import Owner, seed_owner
from vestibule.cli.demo.rehearsal import run_script
from vestibule.cli.demo.world import Plan, World, address_of, open_some_listener
from vestibule.cli.printing import AsJson
from vestibule.cli.process import run_until_signalled
from vestibule.errors import ConfigurationError, FieldFault, InvalidRequestError
from vestibule.log import configure_logging

_SCREEN = """
  Vestibule is running, with a tenant, its owner and a mailbox of its own. Nothing leaves this machine.

    Sign in     {sign_in}
    as          {email}
    password    {password}

    Settings    {settings}
    Mailbox     {mailbox}

  Try this:
    1. Sign in as the owner and open the settings.
    2. Invite any address, such as ada@lovelace.example.
    3. Open the mailbox and the mail in it. Follow its link in a private window, as somebody new.
    4. Make an account there, type the code from the second mail, read what you accept, and accept.
    5. Look at the owner's settings and mailbox again: there is a member, and a notice.
    Then try what must not work: the same link again, or from another account, or after `Revoke`.

  {kept}
  Ctrl-C ends it.
"""


def run_demo(
    *,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Of the pages and the API.")] = 8080,
    mail_port: Annotated[int, typer.Option(min=1, max=65_535, help="Of the mailbox in the browser.")] = 8025,
    directory: Annotated[
        Path | None, typer.Option(help="Keep the database there. Without: it ends with the demo.")
    ] = None,
    script: Annotated[
        bool,
        typer.Option("--script", help="No browser: walk the path over HTTP and mail, print a transcript."),
    ] = False,
    database_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="With --script: a database for it alone, such as PostgreSQL."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the whole path on this machine: SQLite, worker, mailbox, a tenant and its owner.

    Needs no configuration, and is for looking only: it serves without https, on the loopback.
    With --script, exit status 1 says that something went otherwise than it must.
    """
    if database_url is not None and not script:
        raise InvalidRequestError(FieldFault("--database-url", "It goes with --script."))
    with _open_directory(directory) as folder, (folder / "vestibule.log").open("a", encoding="utf-8") as log:
        configure_logging("WARNING", log)
        url = database_url or f"sqlite:///{folder / 'vestibule.db'}"
        if script:
            is_right = run_until_signalled(
                lambda stopping: run_script(url, folder, stopping, as_json=as_json)
            )
            if not is_right:
                raise typer.Exit(1)
            return
        _show_in_browser(url, folder, (port, mail_port), keeps=directory is not None, as_json=as_json)


def _show_in_browser(url: str, folder: Path, ports: tuple[int, int], *, keeps: bool, as_json: bool) -> None:
    listener, note = open_some_listener(ports[0], "--port")
    mail_listener, mail_note = open_some_listener(ports[1], "--mail-port")
    plan = Plan(database_url=url, listener=listener, mail_listener=mail_listener)
    kept = f"The database is kept in {folder}." if keeps else "The database ends with it."

    async def show(stopping: asyncio.Event) -> None:
        async with World(plan) as world:
            owner = await seed_owner(world, folder)
            notes = [text for text in (note, mail_note) if text]
            _print_screen(world, owner, address_of(mail_listener), [*notes, kept], as_json=as_json)
            await stopping.wait()

    run_until_signalled(show)


def _print_screen(world: World, owner: Owner, mailbox: str, notes: list[str], *, as_json: bool) -> None:
    values = {
        "sign_in": f"{world.public_url}/sign-in",
        "settings": f"{world.public_url}/tenants/{owner.tenant_id}/settings",
        "mailbox": mailbox,
        "email": owner.email,
        "password": owner.password,
    }
    if as_json:
        typer.echo(json.dumps({**values, "notes": notes}, indent=2))
        return
    typer.echo(_SCREEN.format(**values, kept="\n  ".join(notes)))


@contextmanager
def _open_directory(given: Path | None) -> Iterator[Path]:
    if given is None:
        with tempfile.TemporaryDirectory(prefix="vestibule-demo-") as name:
            yield Path(name)
        return
    try:
        given.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            "--directory", f"can't be used ({type(error).__name__})", "Name one that you may write"
        ) from None
    yield given.resolve()
