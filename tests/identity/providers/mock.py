# SPDX-License-Identifier: Apache-2.0
"""The second OpenID provider for tests, in a process of its own; other code, other authors, other habits.

Run: ``python mock.py``. It prints its issuer, and ends when its standard input does.
"""

from __future__ import annotations

import logging
import sys
import threading

import flask
import oidc_provider_mock  # type: ignore[import-untyped]
import werkzeug.serving
from authlib import jose  # type: ignore[import-untyped]
from oidc_provider_mock._storage import storage  # type: ignore[import-untyped]

logging.disable(logging.CRITICAL)
app = oidc_provider_mock.app()


@app.post("/control/rotate")  # type: ignore[untyped-decorator]
def rotate() -> flask.typing.ResponseReturnValue:
    storage.jwk = jose.RSAKey.generate_key(is_private=True)
    return flask.jsonify({})


server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
sys.stdout.flush()
sys.stdin.read()
