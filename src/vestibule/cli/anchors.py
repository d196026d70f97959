# SPDX-License-Identifier: Apache-2.0
"""``vestibule audit checkpoint``, ``timestamp``, ``verify timestamp``: what holds the log from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import httpx2
import typer

from vestibule.actions.log.list_log_keys import list_log_keys
from vestibule.actions.log.publish_log import get_checkpoint
from vestibule.cli.printing import AsJson, moment, show
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.core.log.checkpoint import origin_of
from vestibule.core.log.note import note_key
from vestibule.errors import ConfigurationError, FieldFault, InvalidRequestError, ProviderError

_ANSWER_MAX = 64 * 1024
_PATIENCE_SECONDS = 15
Roots = Annotated[
    Path, typer.Option("--roots", metavar="FILE", help="The authority's root certificates, in PEM.")
]


def add_to(app: typer.Typer, verifying: typer.Typer) -> None:
    app.command("checkpoint")(checkpoint)
    app.command("trust")(trust)
    app.command("timestamp")(timestamp)
    verifying.command("timestamp")(verify)


def checkpoint(*, as_json: AsJson = False) -> None:
    """Print the log's newest signed checkpoint with its cosignatures: keep it, and pin it later."""
    with open_desk() as desk:
        note = desk.runner.read(get_checkpoint)
    show({"checkpoint": note}, note.removesuffix("\n").split("\n"), as_json=as_json)


def trust(*, as_json: AsJson = False) -> None:
    """Print a trust policy that names the log (c2sp.org/tlog-policy): add your witnesses and a quorum to it.

    Compare the key by another road before you believe it: it comes from the service it is to judge.
    """
    with open_desk() as desk:
        origin = origin_of(desk.settings.public_url)
        keys = desk.runner.read(list_log_keys, OPERATOR)
    vkeys = [str(note_key(origin, key.public_key)) for key in keys if key.public_key is not None]
    lines = [*(f"log {vkey}" for vkey in vkeys), "quorum none"]
    show({"logs": vkeys}, lines, as_json=as_json)


def timestamp(
    *,
    authority: Annotated[str, typer.Option("--tsa", metavar="URL", help="The time-stamping authority.")],
    roots: Roots,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The checkpoint; the stamp goes to FILE.tsr."),
    ],
    as_json: AsJson = False,
) -> None:
    """Have the newest checkpoint stamped (RFC 3161), verify the stamp, and keep both."""
    stamps = _Stamps()
    with open_desk() as desk:
        note = desk.runner.read(get_checkpoint).encode()
    request, nonce = stamps.make_request(note)
    answer = _ask(authority, request, stamps.request_type)
    at = stamps.check(answer, note, _read(roots), nonce=nonce)
    stamp = output.with_name(f"{output.name}.tsr")
    output.write_bytes(note)
    stamp.write_bytes(answer)
    document = {"at": moment(at), "checkpoint": str(output), "timestamp": str(stamp)}
    show(document, [f"Stamped at {moment(at)}: {output}, {stamp}"], as_json=as_json)


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The checkpoint; its stamp is FILE.tsr.")],
    *,
    roots: Roots,
    as_json: AsJson = False,
) -> None:
    """Verify a checkpoint's stamp, offline. Exit status 2 when it does not hold."""
    answer = _read(file.with_name(f"{file.name}.tsr"))
    at = moment(_Stamps().check(answer, _read(file), _read(roots)))
    show({"at": at}, [f"Existed at {at}."], as_json=as_json)


class _Stamps:
    """The optional half: told apart from a broken installation before anything is asked for."""

    def __init__(self) -> None:
        try:
            from vestibule.auditing import timestamps  # noqa: PLC0415 - an extra that few install
        except ImportError:
            problem = "needs a package that is not installed"
            raise ConfigurationError(
                "audit timestamp", problem, "pip install 'vestibule[timestamps]'"
            ) from None
        self.make_request = timestamps.make_request
        self.check = timestamps.check_timestamp
        self.request_type = timestamps.REQUEST_TYPE


def _ask(authority: str, request: bytes, kind: str) -> bytes:
    try:
        answer = httpx2.post(
            authority,
            content=request,
            headers={"Content-Type": kind},
            timeout=_PATIENCE_SECONDS,
            trust_env=False,
        )
        answer.raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ProviderError(
            f"The time-stamping authority does not answer ({type(error).__name__})."
        ) from None
    if len(answer.content) > _ANSWER_MAX:
        raise ProviderError("The time-stamping authority answers too much.")
    return answer.content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        told = f"{path.name} can't be read ({type(error).__name__})."
        raise InvalidRequestError(FieldFault("FILE", told)) from None
