# SPDX-License-Identifier: Apache-2.0
"""``vestibule migrate``: the only command beside ``demo`` that makes a database."""

from __future__ import annotations

from vestibule.cli.printing import AsJson, show
from vestibule.cli.upkeep import migrate_database
from vestibule.settings import load_settings


def migrate(*, as_json: AsJson = False) -> None:
    """Bring the database to this release's schema; make the file when it is SQLite and missing.

    Safe to repeat. Run it before the new release's `serve` and `worker`, with a role that may change tables.
    """
    before, revision = migrate_database(load_settings())
    if before == revision:
        told = f"The database is at revision {revision} already; nothing to do."
    else:
        told = f"The database is at revision {revision} now" + (
            f" (was {before})." if before else " (was empty)."
        )
    document = {"revision": revision, "previous_revision": before, "is_changed": before != revision}
    show(document, [told], as_json=as_json)
