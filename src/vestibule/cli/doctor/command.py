# SPDX-License-Identifier: Apache-2.0
"""The command: every check in order, each reported, none stopping the next that can still run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from vestibule.cli.doctor.database import check_database_side
from vestibule.cli.doctor.finding import Finding, Verdict, failure, fine, misconfigured
from vestibule.cli.doctor.separation import check_secrets_held, find_role
from vestibule.cli.doctor.surroundings import check_surroundings
from vestibule.cli.printing import AsJson, show, table
from vestibule.core.process import ProcessRole
from vestibule.errors import ConfigurationError
from vestibule.log import configure_logging
from vestibule.settings import Settings, load_settings


def examine(
    *,
    role: Annotated[
        ProcessRole | None,
        typer.Option(help="As what this runs; without it, as the database role says (docs/separation.md)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check settings, database, schema, clock, mail, keys and addresses; say what to do.

    Reads only, sends no mail. Exit status 1 when a check fails; warnings don't change it.
    """
    configure_logging("ERROR")
    findings = list(_examine(role))
    is_healthy = all(one.verdict is not Verdict.FAIL for one in findings)
    rows = [(one.verdict.value, one.check, one.detail) for one in findings]
    lines = table(("", "check", "what was found"), rows)
    lines += [""] if any(one.remedy for one in findings) else []
    lines += [f"{one.check}: {one.remedy}." for one in findings if one.remedy]
    document = {"healthy": is_healthy, "checks": [asdict(one) for one in findings]}
    show(document, lines, as_json=as_json)
    if not is_healthy:
        raise typer.Exit(1)


def _examine(asked: ProcessRole | None) -> Iterator[Finding]:
    try:
        settings = load_settings()
    except ConfigurationError as error:
        yield misconfigured("settings", error)
        yield failure("the rest", "not looked at", "Correct the settings first")
        return
    yield fine("settings", _name_settings(settings))
    role = find_role(settings, asked)
    yield from check_surroundings(settings, role)
    yield from check_secrets_held(settings, role)
    yield from check_database_side(settings, role)


def _name_settings(settings: Settings) -> str:
    """Which are given, by name; a value could be a secret."""
    standard = Settings(database_url="", public_url="")
    given = [
        name.upper()
        for name in Settings.__dataclass_fields__
        if getattr(settings, name) != getattr(standard, name)
    ]
    return ", ".join(given)
