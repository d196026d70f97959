# SPDX-License-Identifier: Apache-2.0
"""A report that links have leaked, in the shape that secret-scanning partners send (DEL-09).

A report says where a token was found. Only the host of that address is kept: the rest may be anybody's, and a
link to the token itself.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from vestibule.errors import FieldFault, InvalidRequestError

TOKENS_MAX = 500
_SOURCE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}", re.ASCII)
_TYPE_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedToken:
    """One finding: what was found, and of where only the host and the kind of place."""

    text: str = field(repr=False)
    kind: str
    host: str
    source: str


def parse_report(body: bytes) -> list[ReportedToken]:
    """The findings of a report. Members that we don't know are left aside: the partner's format grows.

    Raises:
        InvalidRequestError: it is no list of findings, or of more than ``TOKENS_MAX``.
    """
    try:
        entries = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidRequestError(FieldFault("", "Send a JSON list of findings.")) from None
    if not isinstance(entries, list) or len(entries) > TOKENS_MAX:
        raise InvalidRequestError(FieldFault("", f"Send a list of at most {TOKENS_MAX} findings."))
    return [_read(entry, place) for place, entry in enumerate(entries)]


def _read(entry: Any, place: int) -> ReportedToken:
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        raise InvalidRequestError(FieldFault(f"/{place}/token", "A finding has a token."))
    source, kind = entry.get("source"), entry.get("type")
    return ReportedToken(
        text=entry["token"],
        kind=kind[:_TYPE_MAX] if isinstance(kind, str) else "",
        host=find_host(entry.get("url")),
        source=source if isinstance(source, str) and _SOURCE.fullmatch(source) else "unknown",
    )


def find_host(url: object) -> str:
    """The host in a web address; empty where there is none."""
    try:
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return ""
    return host if host is not None and _HOST.fullmatch(host) else ""
