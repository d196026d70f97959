# SPDX-License-Identifier: Apache-2.0
"""Plays the script from its first chapter to its last, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from vestibule.cli.demo.host import Host
from vestibule.cli.demo.pages import walk_the_hosted_pages
from vestibule.cli.demo.script import CHAPTERS, Chapter
from vestibule.cli.demo.stage import TENANT_PREFIX, Stage, make_client
from vestibule.cli.demo.story import Story
from vestibule.cli.demo.templates import STORIES
from vestibule.cli.demo.world import LOOPBACK, Plan, World
from vestibule.cli.process import open_listener
from vestibule.cli.upkeep import check_disposable, migrate_database
from vestibule.settings import Settings


async def run_script(
    database_url: str,
    folder: Path,
    stopping: asyncio.Event,
    *,
    as_json: bool,
    template: str | None = None,
) -> bool:
    """Whether everything went as it must; False, too, when it was interrupted."""
    chapters = (*CHAPTERS, walk_the_hosted_pages) if template is None else STORIES[template]
    story = Story(tell=_keep_quiet if as_json else typer.echo)
    plan = Plan(database_url=database_url, listener=open_listener(LOOPBACK, 0), jwks=folder / "jwks.json")
    # The worker of this run delivers whatever is due there, into a mailbox that ends with it.
    wanted = Settings(database_url=database_url, public_url="")
    migrate_database(wanted)
    check_disposable(wanted, TENANT_PREFIX)
    world = World(plan)
    host = Host(world.clock)
    host.write_key_set(folder / "jwks.json")
    async with world, make_client(world) as client:
        engine = "SQLite" if world.deployment.is_clock_ours else "PostgreSQL"
        story.tell(f"Vestibule on {engine}: real HTTP, real SMTP, a worker. Nothing leaves this machine.")
        playing = asyncio.create_task(_play(Stage(world, host, story, client), chapters))
        asked = asyncio.create_task(stopping.wait())
        await asyncio.wait({playing, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not playing.done():
            playing.cancel()
            return False
        playing.result()
    story.close()
    if as_json:
        typer.echo(story.dump(engine))
    return story.is_right


async def _play(stage: Stage, chapters: Sequence[Chapter]) -> None:
    for chapter in chapters:
        stage.story.begin((chapter.__doc__ or "").strip())
        try:
            await chapter(stage)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a step that went wrong
            # Its kind alone: a text could hold what it was about.
            stage.story.add("The chapter broke off", problem=type(error).__name__)


def _keep_quiet(_line: str) -> None:
    return None
