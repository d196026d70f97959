# SPDX-License-Identifier: Apache-2.0
"""``vestibule leak``: links that somebody found where they should not be."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vestibule.actions.leaks.report_leak import report_leak
from vestibule.cli.printing import AsJson, show
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.core.envelope import LENGTH_MAX, parse_link_token
from vestibule.core.leak import TOKENS_MAX, find_host
from vestibule.errors import ClaimRejectedError

app = typer.Typer(help="Links that were found where they should not be.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Links that were found where they should not be."""


@app.command("report")
def report(
    *,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Where they were found; only its host is kept.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Read tokens or whole links from standard input, one a line; each one that is alive dies at once.

    By its tenant's policy a fresh one is mailed to the same address. They are never arguments: those stand in
    the shell's history and in the list of processes.
    """
    lines = [line.strip() for line in sys.stdin.read(TOKENS_MAX * LENGTH_MAX).splitlines()][:TOKENS_MAX]
    given, known = [line for line in lines if line], 0
    with open_desk() as desk:
        for line in given:
            try:
                token = parse_link_token(line.rpartition("/")[2], desk.settings.public_url)
            except ClaimRejectedError:
                continue
            known += desk.runner.run(
                report_leak,
                OPERATOR,
                token.claim_token_hash,
                host=find_host(url),
                source="operator",
                context=desk.context,
            )
    told = [f"Read {len(given)}; {known} led somewhere here" + (", and lead nowhere now." if known else ".")]
    show({"read": len(given), "known": known}, told, as_json=as_json)
