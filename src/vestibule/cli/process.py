# SPDX-License-Identifier: Apache-2.0
"""A process that serves or delivers until it is told to stop, and then stops in good order.

A first SIGTERM or SIGINT: no new connection, no new message; what is under way is finished, for a few
seconds. What is not finished by then is let go: a message's lease runs out, and it is delivered again.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import uvicorn

from vestibule.errors import ConfigurationError

if TYPE_CHECKING:
    from vestibule.delivery.worker import Worker

GRACE_SECONDS = 3
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
Result = TypeVar("Result")


def run_until_signalled(work: Callable[[asyncio.Event], Awaitable[Result]]) -> Result:
    """What *work* gives back; its event is set when the process is asked to stop."""

    async def body() -> Result:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, stopping.set)
        return await work(stopping)

    with asyncio.Runner(loop_factory=_find_loop_factory()) as runner:
        return runner.run(body())


def open_listener(host: str, port: int, *, setting: str = "VESTIBULE_BIND") -> socket.socket:
    """A socket that listens on *host* and *port* (0: any free one).

    Raises:
        ConfigurationError: it can't; names *setting*.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            setting, f"can't listen on port {port} of {host} ({_explain(error)})", "Free it, or name another"
        ) from None
    listener.setblocking(False)
    return listener


class HttpServer:
    """uvicorn on the running event loop, without its logs, banners and signal handlers."""

    def __init__(self, app: Callable[..., Awaitable[None]], listener: socket.socket) -> None:
        self._listener = listener
        self._server = _QuietServer(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> asyncio.Task[None]:
        """It answers; the task ends when it no longer does."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.01)
        return self._task

    async def stop(self) -> None:
        """No new connections; those that are open have a few seconds."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait({self._task})
        self._listener.close()


async def stop_worker(worker: Worker, task: asyncio.Task[None]) -> None:
    """It finishes what it delivers, if that takes no longer than the grace."""
    worker.stop()
    await asyncio.wait({task}, timeout=GRACE_SECONDS)
    task.cancel()
    await asyncio.wait({task})


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's matter, not the server's."""
        yield


def _find_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not to be had on Windows

    return uvloop.new_event_loop


def _explain(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
