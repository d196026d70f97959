# SPDX-License-Identifier: Apache-2.0
"""How a command runs actions: as the operator, or with ``--as`` in a principal's name; audited either way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from vestibule.bootstrap import build_plain_runner
from vestibule.cli.arguments import parse_principal_id
from vestibule.core.identity import HostKey, RequestContext, VerifiedIdentity
from vestibule.core.token import mint_id
from vestibule.log import configure_logging
from vestibule.settings import Settings, load_settings
from vestibule.storage.runners import PlainRunner

OPERATOR = HostKey(key_id="cli")
ActAs = Annotated[
    str,
    typer.Option(
        "--as", metavar="PRINCIPAL", help="Whose act this is; what it may do comes from its membership."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What one command works with."""

    settings: Settings
    runner: PlainRunner
    context: RequestContext


@contextmanager
def open_desk() -> Iterator[Desk]:
    """Settings read and checked, the database reached and at this release's schema.

    Raises:
        ConfigurationError: something is missing or wrong.
    """
    settings = load_settings()
    configure_logging("WARNING")
    runner = build_plain_runner(settings)
    try:
        yield Desk(
            settings=settings, runner=runner, context=RequestContext(correlation_id=mint_id(), source="cli")
        )
    finally:
        runner.close()


def act_as(principal_id: str) -> VerifiedIdentity:
    """The principal in whose name the operator acts. It asserts no address, so it can accept nothing."""
    return VerifiedIdentity(principal_id=parse_principal_id(principal_id))
