# SPDX-License-Identifier: Apache-2.0
"""The command: its options and where it keeps its files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from vestibule.cli.policy import TEMPLATES
from vestibule.cli.printing import AsJson
from vestibule.cli.process import run_until_signalled
from vestibule.errors import ConfigurationError, FieldFault, InvalidRequestError
from vestibule.log import configure_logging


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
    template: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=f"Set up a template's tenant and walk its story: {' | '.join(TEMPLATES)}."
        ),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="With --script or --template: a database for it alone, such as PostgreSQL."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the whole path on this machine: SQLite, worker, mailbox, a tenant and its owner.

    Needs no configuration, and is for looking only: it serves without https, on the loopback.
    With --script or --template, exit status 1 says that something went otherwise than it must.
    """
    if template is not None and template not in TEMPLATES:
        raise InvalidRequestError(FieldFault("--template", f"Give one of {', '.join(TEMPLATES)}."))
    is_script = script or template is not None
    if database_url is not None and not is_script:
        raise InvalidRequestError(FieldFault("--database-url", "It goes with --script or --template."))
    # Here and not above: no other command should carry an HTTP client and a mail server.
    from vestibule.cli.demo.rehearsal import run_script  # noqa: PLC0415
    from vestibule.cli.demo.screen import show_in_browser  # noqa: PLC0415

    with _open_directory(directory) as folder, (folder / "vestibule.log").open("a", encoding="utf-8") as log:
        configure_logging("WARNING", log)
        url = database_url or f"sqlite:///{folder / 'vestibule.db'}"
        if is_script:
            is_right = run_until_signalled(
                lambda stopping: run_script(url, folder, stopping, as_json=as_json, template=template)
            )
            if not is_right:
                raise typer.Exit(1)
            return
        show_in_browser(url, folder, (port, mail_port), keeps=directory is not None, as_json=as_json)


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
