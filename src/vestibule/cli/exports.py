# SPDX-License-Identifier: Apache-2.0
"""``vestibule audit export`` and ``vestibule audit verify export``: from the service to an auditor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from vestibule.actions.log.export_tenant import export_tenant
from vestibule.auditing.command import DIFFERS, tell, verify_files
from vestibule.bootstrap import Deployment, build_deployment
from vestibule.cli import anchors
from vestibule.cli.arguments import parse_tenant_id
from vestibule.cli.printing import AsJson, show
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.cli.tenants import TenantId
from vestibule.core.log.checkpoint import parse_checkpoint
from vestibule.core.log.export import dump_export
from vestibule.core.log.note import parse_note
from vestibule.core.process import ProcessRole
from vestibule.delivery.witnessing import Published, read_witnesses
from vestibule.errors import ConfigurationError, FieldFault, InvalidRequestError
from vestibule.log import configure_logging
from vestibule.settings import load_settings

MERGE_DELAY = timedelta(seconds=60)
Pin = Annotated[
    Path | None, typer.Option("--pin", metavar="FILE", help="A checkpoint that was kept from earlier.")
]


def add_to(app: typer.Typer) -> None:
    app.command("export")(export)
    app.command("publish")(publish)
    verifying = typer.Typer(help="Verify offline: no database, no network.", no_args_is_help=True)
    verifying.command("export")(verify)
    anchors.add_to(app, verifying)
    app.add_typer(verifying, name="verify")


def export(
    tenant_id: TenantId,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The tar file to write.")],
    pin: Pin = None,
    as_json: AsJson = False,
) -> None:
    """Write a tenant's trail with all that proves it: no address and no secret is in it.

    With --pin the export proves that the log has only grown since that checkpoint.
    """
    tenant = parse_tenant_id(tenant_id)
    old_size = None if pin is None else parse_checkpoint(parse_note(_read(pin, "--pin")).text).size
    with open_desk() as desk:
        made = desk.runner.read(
            export_tenant,
            OPERATOR,
            tenant,
            merge_delay=MERGE_DELAY,
            old_size=old_size,
            witnesses=read_witnesses(desk.settings.witnesses).least,
        )
    data = dump_export(made)
    try:
        output.write_bytes(data)
    except OSError as error:
        told = f"It can't be written ({type(error).__name__})."
        raise InvalidRequestError(FieldFault("--output", told)) from None
    document = {
        "tenant_id": tenant,
        "events": len(made.events),
        "sealed": made.size,
        "pseudonym": made.pseudonym,
    }
    lines = [f"{len(made.events)} events, {made.size} of them under the checkpoint: {output}"]
    show(document | {"file": str(output), "bytes": len(data)}, lines, as_json=as_json)


def publish(*, as_json: AsJson = False) -> None:
    """Bring the log's newest checkpoint to its witnesses, and keep what they sign.

    Workers do this by themselves, every few seconds, where VESTIBULE_WITNESSES names some with a URL.
    """
    settings = load_settings()
    configure_logging("WARNING")
    done = asyncio.run(_publish(build_deployment(settings, role=ProcessRole.WORKER)))
    shown = [
        {"witness": one.witness, "outcome": one.outcome, "size": one.size, "problem": one.problem}
        for one in done
    ]
    lines = [f"{one.witness}: {one.outcome} {one.problem}".rstrip() for one in done]
    show({"items": shown}, lines or ["No witness has a URL: see VESTIBULE_WITNESSES."], as_json=as_json)
    if any(one.outcome in ("refused", "unreachable") for one in done):
        raise typer.Exit(1)


async def _publish(deployment: Deployment) -> Sequence[Published]:
    try:
        publisher = deployment.make_publisher()
        return [] if publisher is None else await publisher.publish()
    finally:
        await deployment.close()


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The export.")],
    *,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Whom to believe (c2sp.org/tlog-policy).")
    ] = None,
    pin: Pin = None,
    receipts: Annotated[
        Path | None, typer.Option("--receipts", metavar="FOLDER", help="Receipts to look for.")
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option("--earlier", metavar="FILE", help="An export that was verified and kept.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify an export: signatures, order, completeness, and that the tables are what the events say.

    Exit status: 0 it holds; 1 something differs, one line each; 2 a file can't be read.
    """
    try:
        report = verify_files(file, policy=policy, pin=pin, receipts=receipts, earlier=earlier)
    except (OSError, UnicodeError) as error:
        raise InvalidRequestError(FieldFault("FILE", f"A file can't be read: {error}.")) from None
    document = {
        "tenant_id": report.tenant_id,
        "sealed": report.size,
        "findings": [
            {"tenant_id": one.tenant_id, "seq": one.seq, "what": one.what} for one in report.findings
        ],
        "notices": report.notices,
    }
    show(document, tell(report), as_json=as_json)
    if report.findings:
        raise typer.Exit(DIFFERS)


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        problem = f"the file can't be read ({type(error).__name__})"
        raise ConfigurationError(name, problem, "Name a readable file") from None
