# SPDX-License-Identifier: Apache-2.0
"""How a command runs actions: as the operator, or with ``--as`` in a principal's name; audited either way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Concatenate, ParamSpec

import typer

from vestibule.actions.links.order_envelope import sign_envelope
from vestibule.bootstrap import build_plain_runner
from vestibule.cli.arguments import parse_principal_id
from vestibule.core.envelope import EnvelopeOrder, SignedToken
from vestibule.core.identity import HostKey, RequestContext, VerifiedIdentity
from vestibule.core.token import mint_id
from vestibule.keyring import make_provider
from vestibule.log import configure_logging
from vestibule.ports import UnitOfWork
from vestibule.settings import Settings, load_settings
from vestibule.storage.runners import PlainRunner

Arguments = ParamSpec("Arguments")
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
def open_desk(*, opens_addresses: bool = True) -> Iterator[Desk]:
    """Settings read and checked, the database reached and at this release's schema.

    Raises:
        ConfigurationError: something is missing or wrong.
    """
    settings = load_settings()
    configure_logging("WARNING")
    runner = build_plain_runner(settings, opens_addresses=opens_addresses)
    try:
        yield Desk(
            settings=settings, runner=runner, context=RequestContext(correlation_id=mint_id(), source="cli")
        )
    finally:
        runner.close()


def act_as(principal_id: str) -> VerifiedIdentity:
    """The principal in whose name the operator acts. It asserts no address, so it can accept nothing."""
    return VerifiedIdentity(principal_id=parse_principal_id(principal_id))


def sign_link(
    desk: Desk,
    order: Callable[Concatenate[UnitOfWork, Arguments], EnvelopeOrder | None],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> SignedToken | None:
    """The signed token that *order* asks for, if policy asks for one.

    Raises:
        KeyMissingError, KeyProviderError: it can't be signed now; nothing was changed.
    """
    ordered = desk.runner.read(order, *args, **kwargs)
    provider = None if ordered is None else make_provider(desk.settings)
    return sign_envelope(provider, ordered, desk.settings.public_url)
