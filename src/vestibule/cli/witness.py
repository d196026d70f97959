# SPDX-License-Identifier: Apache-2.0
"""``vestibule witness``: vouch for somebody's log, from a place where they have no say."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from vestibule.auditing.command import read_trust
from vestibule.cli.printing import AsJson, show
from vestibule.core.log.trust import TrustPolicy
from vestibule.errors import ConfigurationError
from vestibule.settings import parse_bind
from vestibule.witness.folder import create_folder, open_witness
from vestibule.witness.server import WitnessServer

app = typer.Typer(help="Witness a log: vouch that it only grows.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The witness's own folder.")]


@app.command("init")
def init(
    folder: Folder,
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="Such as witness.example/w1; no space, no plus.")],
    as_json: AsJson = False,
) -> None:
    """Make a witness: a key of its own, and an empty memory. Prints the key for others' trust policies."""
    key = create_folder(folder, name)
    show({"name": name, "vkey": str(key)}, [str(key)], as_json=as_json)


@app.command("serve")
def serve(
    folder: Folder,
    *,
    policy: Annotated[
        Path, typer.Option("--policy", metavar="FILE", help="The logs to vouch for: lines of `log VKEY`.")
    ],
    bind: Annotated[
        str, typer.Option("--bind", metavar="HOST:PORT", help="Where to listen.")
    ] = "127.0.0.1:8090",
    as_json: AsJson = False,
) -> None:
    """Answer `add-checkpoint` (c2sp.org/tlog-witness) until SIGTERM or Ctrl-C. TLS is a proxy's affair."""
    server = WitnessServer(parse_bind(bind), open_witness(folder, _read_policy(policy)))
    host, port = server.server_address[:2]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    show(
        {"ready": True, "host": host, "port": port},
        [f"Witnessing on http://{host!s}:{port}"],
        as_json=as_json,
    )
    server.serve_forever()
    server.server_close()


def _read_policy(path: Path) -> TrustPolicy:
    try:
        found = read_trust(path)
    except (OSError, UnicodeError) as error:
        problem = f"the file can't be read ({type(error).__name__})"
        raise ConfigurationError("--policy", problem, "Name a readable file") from None
    return found or TrustPolicy()
