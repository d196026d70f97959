# SPDX-License-Identifier: Apache-2.0
"""``POST /add-checkpoint`` over HTTP. Nobody is believed beyond the checkpoint's signature."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vestibule.witness.witness import Verdict, Witness

BODY_MAX = 64 * 1024
_PATIENCE_SECONDS = 10


class WitnessServer(ThreadingHTTPServer):
    """Listens from the moment it is made; ``serve_forever`` answers."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.witness = witness
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "vestibule-witness"
    sys_version = ""
    timeout = _PATIENCE_SECONDS

    def do_POST(self) -> None:
        if self.path != "/add-checkpoint":
            self._answer(Verdict(HTTPStatus.NOT_FOUND))
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdecimal():
            self._answer(Verdict(HTTPStatus.LENGTH_REQUIRED))
        elif len(length) > len(str(BODY_MAX)) or int(length) > BODY_MAX:
            self._answer(Verdict(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
        else:
            self._answer(self.server.witness.add_checkpoint(self.rfile.read(int(length))))

    def _answer(self, verdict: Verdict) -> None:
        data = verdict.body.encode()
        if verdict.status in (HTTPStatus.LENGTH_REQUIRED, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            # What was not read would be taken for the next request.
            self.close_connection = True
        self.send_response(verdict.status)
        self.send_header("Content-Type", verdict.content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """Nothing: a proxy in front keeps its own log."""
