# SPDX-License-Identifier: Apache-2.0
"""From the words of a call to the types of core, once, at this boundary. A fault names the argument."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.core.identity import PRINCIPAL_ID_MAX
from vestibule.core.invitation import ResourceGrant
from vestibule.core.resource import is_resource_id
from vestibule.core.tenant import TENANT_ID_PATTERN
from vestibule.errors import ConfigurationError, EmailInvalidError, FieldFault, InvalidRequestError

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)", re.ASCII)


def parse_tenant_id(text: str) -> str:
    """A tenant's id.

    Raises:
        InvalidRequestError: it is none.
    """
    if not re.fullmatch(TENANT_ID_PATTERN, text):
        raise InvalidRequestError(FieldFault("TENANT", f"A tenant id matches {TENANT_ID_PATTERN}."))
    return text


def parse_principal_id(text: str) -> str:
    """A principal's id, as an assertion's ``sub`` may be.

    Raises:
        InvalidRequestError: it is none.
    """
    if not text.isprintable() or text != text.strip() or not 0 < len(text) <= PRINCIPAL_ID_MAX:
        told = f"Give 1 to {PRINCIPAL_ID_MAX} printable characters, no space around them."
        raise InvalidRequestError(FieldFault("PRINCIPAL", told))
    return text


def parse_email(text: str) -> EmailAddress:
    """An address as a person types it.

    Raises:
        EmailInvalidError: it is none.
    """
    try:
        return EmailAddress.parse_input(text)
    except AddressFaultError as error:
        raise EmailInvalidError(FieldFault("EMAIL", error.faults[0].message)) from None


def parse_duration(text: str | None, name: str) -> int | None:
    """Whole seconds of ``900``, ``15m``, ``48h`` or ``7d``.

    Raises:
        InvalidRequestError: it is none of these.
    """
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    if match is None or not int(match[1]):
        raise InvalidRequestError(
            FieldFault(name, "Give seconds, or a number with s, m, h or d, such as 48h.")
        )
    return int(match[1]) * _UNITS[match[2]]


def parse_end(text: str | None, name: str, now: datetime) -> datetime | None:
    """The moment that a duration from *now* leads to."""
    seconds = parse_duration(text, name)
    return None if seconds is None else now + timedelta(seconds=seconds)


def parse_moment(text: str | None, name: str) -> datetime | None:
    """A time of RFC 3339 with its zone, in UTC.

    Raises:
        InvalidRequestError: it is none.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError(FieldFault(name, "Give a time with its zone, such as 2030-01-31T12:00:00Z."))


def parse_grant(text: str) -> ResourceGrant:
    """``RESOURCE=ROLE`` or ``RESOURCE=ROLE:DURATION``, such as ``prod=prod_admin:2h``.

    Raises:
        InvalidRequestError: it is none.
    """
    resource_id, sign, promised = text.partition("=")
    role, colon, length = promised.partition(":")
    if not sign or not is_resource_id(resource_id) or not role:
        raise InvalidRequestError(FieldFault("--grant", "Give RESOURCE=ROLE or RESOURCE=ROLE:DURATION."))
    seconds = parse_duration(length, "--grant") if colon else None
    return ResourceGrant(resource_id=resource_id, role=role, expires_in=seconds)


def read_policy(path: Path | None) -> Mapping[str, Any] | None:
    """The policy document in a JSON file.

    Raises:
        ConfigurationError: the file can't be read.
        InvalidRequestError: it holds no JSON object.
    """
    if path is None:
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            "--policy", f"the file can't be read ({type(error).__name__})", "Name a readable JSON file"
        ) from None
    except ValueError:
        raise InvalidRequestError(FieldFault("--policy", "Give one JSON object in UTF-8.")) from None
    if not isinstance(document, dict):
        raise InvalidRequestError(FieldFault("--policy", "Give one JSON object."))
    return document
