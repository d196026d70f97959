# SPDX-License-Identifier: Apache-2.0
"""A process that seals, is killed at each of its statements in turn, and looks each time what is left.

Usage: python -m tests.races.sealer DATABASE_URL. A second sealer works at the same moment. Prints how many
statements it was killed at, and how many events were sealed in the end.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import Any

import sqlalchemy as sa

from tests.actions.trail import check_trail
from tests.factories import make_context
from vestibule.actions.log.seal_events import seal_events
from vestibule.core.event import AuditEventUnsealed
from vestibule.ports import UnitOfWork
from vestibule.storage.engine import make_engine
from vestibule.storage.runners import PlainRunner

_EVENTS = 12
_MOST = 60


def main(url: str) -> None:
    killed = written = 0
    for statement in range(1, _MOST):
        written += _write(url, statement)
        dying = _fork(url, statement)
        other = _fork(url, None)
        survived = [os.waitpid(child, 0)[1] == 0 for child in (dying, other)]
        assert survived[1]
        engine = make_engine(url)
        check_trail(engine)
        engine.dispose()
        if survived[0] and statement > 3:
            break
        killed += not survived[0]
    _seal(url, None)
    engine = make_engine(url)
    sys.stdout.write(f"{killed} {written} {check_trail(engine)}\n")


def _fork(url: str, statement: int | None) -> int:
    child = os.fork()
    if child == 0:
        try:
            _seal(url, statement)
        except BaseException:  # noqa: BLE001 - a child never goes on as its parent
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def _seal(url: str, statement: int | None) -> None:
    engine = make_engine(url)
    counted = 0

    def count(*_: Any) -> None:
        nonlocal counted
        counted += 1
        if counted == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(engine, "after_cursor_execute", count)
    sa.event.listen(engine, "commit", count)
    # Again and again where somebody else has the lock.
    for _ in range(1 if statement is None else 20):
        if PlainRunner(engine).run(seal_events, limit=2_000, context=make_context()).events:
            break


def _write(url: str, number: int) -> int:
    def work(uow: UnitOfWork) -> None:
        for place in range(_EVENTS):
            event = AuditEventUnsealed(
                tenant_id=f"tenant-{place % 3}", event_id=f"{number}-{place}", reason="missing"
            )
            uow.audit.append(event, actor="clock", context=make_context())
        uow.commit()

    engine = make_engine(url)
    PlainRunner(engine).run(work)
    engine.dispose()
    return _EVENTS


if __name__ == "__main__":
    main(sys.argv[1])
