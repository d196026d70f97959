# SPDX-License-Identifier: Apache-2.0
"""``vestibule audit seal``: what every worker does about once a second, once and now."""

from __future__ import annotations

import asyncio

import typer

from vestibule.actions.log.seal_events import measure_sealing
from vestibule.actions.log.sign_checkpoint import is_unsigned
from vestibule.bootstrap import Deployment, build_deployment
from vestibule.cli.printing import AsJson, show
from vestibule.core.process import ProcessRole
from vestibule.log import configure_logging
from vestibule.settings import load_settings


def add_to(app: typer.Typer) -> None:
    app.command("seal")(seal)


def seal(*, as_json: AsJson = False) -> None:
    """Seal every event that waits, and sign the log's head where a key ring is set.

    Workers do this by themselves, about once a second.
    """
    settings = load_settings()
    configure_logging("WARNING")
    done, waiting, is_signed = asyncio.run(_seal(build_deployment(settings, role=ProcessRole.WORKER)))
    document = {"sealed": done, "waiting": waiting, "signed": is_signed}
    lines = [f"Sealed {done} events; {waiting} wait.", _tell_signature(is_signed, settings.keyring)]
    show(document, lines, as_json=as_json)


async def _seal(deployment: Deployment) -> tuple[int, int, bool]:
    try:
        sealer = deployment.make_log_sealer()
        done = await sealer.seal()
        await sealer.sign()
        waiting, _ = await deployment.runner.read(measure_sealing)
        return done, waiting, not await deployment.runner.read(is_unsigned)
    finally:
        await deployment.close()


def _tell_signature(is_signed: bool, keyring: str) -> str:  # noqa: FBT001 - one word of one line
    if is_signed:
        return "The log's head is signed."
    if not keyring:
        return "The log's head is not signed: VESTIBULE_KEYRING is not set."
    return "The log's head is not signed: no checkpoint key is in use, or its provider does not answer."
