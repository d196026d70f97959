# SPDX-License-Identifier: Apache-2.0
"""Structured logs: one JSON line an event, constant event names, redaction first in the chain (OBS-04).

Whatever looks like a claim token, a key, a session, a signed assertion or an address is replaced before
anything else sees it, in every field and in exception texts; control characters are encoded (ATTACKS K10).
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO

import structlog

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")

_SECRETS = re.compile(
    r"(?:vst|vsk|vss|vsc)_[0-9A-Za-z_-]+"
    r"|\beyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*"
    r"|[^\s@\"'<>(),;:]+@[^\s@\"'<>(),;:]+\.[^\s@\"'<>(),;:]+"
    r"|(?<=://)[^/\s@]+:[^/\s@]+(?=@)"
)
REDACTED = "[redacted]"


def redact(value: Any) -> Any:
    """*value* without anything that looks like a secret or an address, whatever its shape."""
    if isinstance(value, str):
        return _SECRETS.sub(REDACTED, value)
    if isinstance(value, dict):
        return {redact(str(key)): redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    return _SECRETS.sub(REDACTED, str(value))


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Everything, our own events and other libraries', goes through redaction to one stream."""
    out = stream or sys.stderr
    structlog.configure(
        processors=[_redact_event, _add_correlation, _stamp, _render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(_RedactingFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger; the first argument of its calls is a constant event name."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


class _RedactingFormatter(logging.Formatter):
    """Other libraries' records, as the same kind of line."""

    def format(self, record: logging.LogRecord) -> str:
        event = {"event": record.name, "level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(redact(event), sort_keys=True)


_Event = MutableMapping[str, Any]


def _redact_event(_logger: Any, _method: str, event: _Event) -> _Event:
    if event.pop("exc_info", None):
        kind, error, _ = sys.exc_info()
        event["exception"] = f"{kind.__name__}: {error}" if kind is not None else ""
    cleaned: dict[str, Any] = redact(dict(event))
    return cleaned


def _add_correlation(_logger: Any, method: str, event: _Event) -> _Event:
    event.setdefault("level", method)
    if known := correlation_id.get():
        event.setdefault("correlation_id", known)
    return event


_stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)


def _render(_logger: Any, _method: str, event: _Event) -> str:
    return json.dumps(event, sort_keys=True, default=str)
