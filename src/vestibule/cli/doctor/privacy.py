# SPDX-License-Identifier: Apache-2.0
"""Checks of personal data at rest: sealed or not, and by which keys (TOK-08)."""

from __future__ import annotations

from collections.abc import Iterator

from vestibule.actions.privacy.rewrap import review_sealing
from vestibule.bootstrap import build_plain_runner
from vestibule.cli.doctor.finding import Finding, fine, misconfigured, warning
from vestibule.cli.running import OPERATOR
from vestibule.errors import ConfigurationError
from vestibule.settings import Settings
from vestibule.storage.engine import parse_database_url

_CHECK = "addresses"


def check_privacy(settings: Settings) -> Iterator[Finding]:
    try:
        runner = build_plain_runner(settings)
    except ConfigurationError as error:
        yield misconfigured(_CHECK, error)
        return
    try:
        standing = runner.read(review_sealing, OPERATOR)
    finally:
        runner.close()
    if not standing.is_sealed:
        yield _judge_plain(settings)
        return
    left = sum(count for key, count in standing.wrapped.items() if key != standing.kek_id)
    if left:
        yield warning(
            _CHECK,
            f"{left} data keys are still wrapped by a replaced key",
            "Leave that key where it is; a worker wraps them anew, or: vestibule person rewrap",
        )
        return
    yield fine(_CHECK, f"sealed; {sum(standing.wrapped.values())} data keys, all wrapped by the key in use")


def _judge_plain(settings: Settings) -> Finding:
    if parse_database_url(settings.database_url).get_backend_name() == "sqlite":
        return fine(_CHECK, "stand in plain")
    return warning(
        _CHECK,
        "stand in plain: a dump of the database shows them",
        "Begin with a key ring that holds kek and blind-index, before the first address: docs/privacy.md",
    )
