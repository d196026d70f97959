# SPDX-License-Identifier: Apache-2.0
"""``python -m examples.fastapi_host``: the application on a fresh SQLite file, with somebody to invite."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import uvicorn

_ABOUT = """
Olga owns the team {team}. Invite Vera, read the link in the mail printed here, and accept as Vera:

  curl -sH 'X-Example-User: olga' {url}/teams/{team}/invitations --json '{{"email": "vera@example.com"}}'
  curl -s <the link in the mail>
  curl -sH 'X-Example-User: vera' <the link in the mail>/accept --json '{{"nickname": "v"}}'
  curl -sH 'X-Example-User: olga' {url}/teams/{team}

The header stands in for a session: it is for this example only. Ctrl-C stops.
"""


def main() -> None:
    """Parse, seed, serve."""
    parser = argparse.ArgumentParser(prog="python -m examples.fastapi_host", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--database-url", help="an empty database; a fresh SQLite file unless given")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="teams-") as folder:
        url = f"http://127.0.0.1:{asked.port}"
        os.environ["EXAMPLE_DATABASE_URL"] = asked.database_url or f"sqlite:///{Path(folder) / 'teams.db'}"
        os.environ["EXAMPLE_PUBLIC_URL"] = url
        _seed()
        print(_ABOUT.format(url=url, team="acme"), flush=True)
        # No access log: paths hold claim tokens.
        uvicorn.run("examples.fastapi_host.app:app", port=asked.port, log_level="warning", access_log=False)


def _seed() -> None:
    # Imported here: the application reads its environment when it is imported.
    from examples.fastapi_host import app as host  # noqa: PLC0415
    from examples.fastapi_host.tables import User  # noqa: PLC0415

    from vestibule import MemberDraft  # noqa: PLC0415

    host.create_tables()
    with host.sessions.begin() as session:
        for name in ("olga", "vera", "mallory"):
            session.add(User(user_id=name, name=name.title(), email=f"{name}@example.com"))
        host.vestibule.put_tenant(session, "acme", name="Acme")
        host.vestibule.put_member(session, "acme", "olga", MemberDraft(role="owner"))


if __name__ == "__main__":
    main()
