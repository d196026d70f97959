# SPDX-License-Identifier: Apache-2.0
"""The demo in a browser, and the screen that says where to click."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import typer

from vestibule.cli.demo.owner import Owner, seed_owner
from vestibule.cli.demo.world import Plan, World, address_of, open_some_listener
from vestibule.cli.process import run_until_signalled

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
    In the settings, `History` proves each event, and `Anonymous events` has codes that nobody can link.

  {kept}
  Ctrl-C ends it.
"""


def show_in_browser(url: str, folder: Path, ports: tuple[int, int], *, keeps: bool, as_json: bool) -> None:
    """Serve, with worker and mailbox, until somebody ends it."""
    listener, note = open_some_listener(ports[0], "--port")
    mail_listener, mail_note = open_some_listener(ports[1], "--mail-port")
    plan = Plan(database_url=url, listener=listener, mail_listener=mail_listener, keys=folder / "keys")
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
