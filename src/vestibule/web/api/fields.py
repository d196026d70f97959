# SPDX-License-Identifier: Apache-2.0
"""The fields of requests and answers, each with the limit that the reference shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StrictInt, WithJsonSchema

from vestibule.core.connection import CONNECTION_ID_PATTERN
from vestibule.core.domain import read_domain
from vestibule.core.email import EmailAddress
from vestibule.core.identity import PRINCIPAL_ID_MAX
from vestibule.core.invitation import (
    JUSTIFICATION_MAX,
    MEMBERSHIP_EXPIRES_MAX,
    MESSAGE_MAX,
    METADATA_MAX_BYTES,
    SCOPE_MAX,
)
from vestibule.core.naming import MEMBER_NAME_MAX, TENANT_NAME_MAX, check_message, check_name
from vestibule.core.paging import CURSOR_MAX, LIMIT_DEFAULT, LIMIT_MAX
from vestibule.core.policy import ROLE_PATTERN, TTL_MAX, TTL_MIN
from vestibule.core.resource import RESOURCE_ID_PATTERN, RESOURCE_NAME_MAX, is_resource_id
from vestibule.core.tenant import TENANT_ID_PATTERN
from vestibule.errors import FieldFault, InvalidRequestError, NotFoundError

METADATA_DEPTH_MAX = 8
EMAIL_MAX = 320
_TENANT_ID = re.compile(TENANT_ID_PATTERN)
_CONNECTION_ID = re.compile(CONNECTION_ID_PATTERN)
_INVITATION_ID = re.compile(r"[0-9A-Za-z-]{1,36}")
_WHOLE = re.compile(r"[1-9][0-9]{0,8}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_REPLACEMENT = "\ufffd"


def format_moment(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_moment(raw: object) -> datetime:
    if not isinstance(raw, str) or not _MOMENT.fullmatch(raw):
        raise ValueError("Give a time of RFC 3339 with its zone, such as 2030-01-31T12:00:00Z.")
    try:
        return datetime.fromisoformat(raw.upper()).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise ValueError("There is no such time.") from None


def checked_by(check: Callable[[str, str, int], None], most: int) -> AfterValidator:
    """A rule of core as one of a field."""

    def validate(text: str) -> str:
        try:
            check("", text, most)
        except InvalidRequestError as fault:
            raise ValueError(str(fault)) from None
        return text

    return AfterValidator(validate)


def _check_printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("Give printable characters without space around them.")
    return text


def _check_metadata(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > METADATA_MAX_BYTES:
        raise ValueError(f"Give at most {METADATA_MAX_BYTES} bytes of JSON.")
    if _depth_of(value) > METADATA_DEPTH_MAX:
        raise ValueError(f"Nest at most {METADATA_DEPTH_MAX} levels.")
    return value


def _depth_of(value: Any) -> int:
    # At most documents.DEPTH_MAX levels get here.
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((_depth_of(one) for one in inner), default=0)


_NAME_RULE = "One line; no control, invisible or direction characters, no encoded words, no space around."
_MESSAGE_RULE = "Plain text in lines; no control, invisible or direction characters, no encoded words."
TenantName = Annotated[
    str,
    Field(min_length=1, max_length=TENANT_NAME_MAX, description=_NAME_RULE),
    checked_by(check_name, TENANT_NAME_MAX),
]
MemberName = Annotated[
    str,
    Field(min_length=1, max_length=MEMBER_NAME_MAX, description=_NAME_RULE),
    checked_by(check_name, MEMBER_NAME_MAX),
]
PersonalMessage = Annotated[
    str, Field(max_length=MESSAGE_MAX, description=_MESSAGE_RULE), checked_by(check_message, MESSAGE_MAX)
]
Justification = Annotated[
    str,
    Field(min_length=1, max_length=JUSTIFICATION_MAX, description=_MESSAGE_RULE),
    checked_by(check_message, JUSTIFICATION_MAX),
]
ResourceName = Annotated[
    str,
    Field(min_length=1, max_length=RESOURCE_NAME_MAX, description=_NAME_RULE),
    checked_by(check_name, RESOURCE_NAME_MAX),
]
ResourceId = Annotated[str, Field(pattern=f"^{RESOURCE_ID_PATTERN}$", max_length=128)]
Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
# The length is core's to judge, so that a wrong address has the one code for wrong addresses.
Address = Annotated[str, Field(json_schema_extra={"format": "email", "maxLength": EMAIL_MAX})]
Role = Annotated[str, Field(pattern=f"^{ROLE_PATTERN}$", max_length=32)]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$", max_length=16)]
GrantScope = Annotated[str, Field(min_length=1, max_length=SCOPE_MAX), AfterValidator(_check_printable)]
Metadata = Annotated[
    dict[str, Any],
    AfterValidator(_check_metadata),
    Field(description=f"At most {METADATA_MAX_BYTES} bytes of JSON, {METADATA_DEPTH_MAX} levels."),
]
ExpiresIn = Annotated[
    StrictInt, Field(ge=TTL_MIN, le=TTL_MAX, description="Seconds; may only shorten policy.")
]
MembershipExpiresIn = Annotated[
    StrictInt, Field(ge=1, le=MEMBERSHIP_EXPIRES_MAX, description="Seconds from acceptance.")
]
GivenMoment = Annotated[
    datetime, BeforeValidator(_read_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Moment = Annotated[
    datetime,
    PlainSerializer(format_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


def _read_limit(raw: object) -> int:
    if not isinstance(raw, str) or not _WHOLE.fullmatch(raw) or int(raw) > LIMIT_MAX:
        raise ValueError(f"Give a whole number from 1 to {LIMIT_MAX}.")
    return int(raw)


_LIMIT_SCHEMA = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}
PageLimit = Annotated[
    int | None, BeforeValidator(_read_limit), WithJsonSchema(_LIMIT_SCHEMA), Query(description="How many.")
]
Cursor = Annotated[str | None, Query(max_length=CURSOR_MAX, description="next_cursor of the page before.")]


_TENANT_PATH = Path(json_schema_extra={"pattern": f"^{TENANT_ID_PATTERN}$", "maxLength": 64})
_CONNECTION_PATH = Path(json_schema_extra={"pattern": f"^{CONNECTION_ID_PATTERN}$", "maxLength": 64})
_PRINCIPAL_PATH = Path(
    description="Percent-encoded; may hold slashes.",
    json_schema_extra={"minLength": 1, "maxLength": PRINCIPAL_ID_MAX},
)
_DOMAIN_PATH = Path(
    description="A whole domain; any spelling of it means the same.",
    json_schema_extra={"minLength": 3, "maxLength": 253},
)
_INVITATION_PATH = Path(json_schema_extra={"format": "uuid"})


async def _find_tenant_id(tenant_id: Annotated[str, _TENANT_PATH]) -> str:
    if not _TENANT_ID.fullmatch(tenant_id):
        raise NotFoundError
    return tenant_id


async def _read_tenant_id(tenant_id: Annotated[str, _TENANT_PATH]) -> str:
    if not _TENANT_ID.fullmatch(tenant_id):
        raise InvalidRequestError(FieldFault("/tenant_id", f"A tenant id matches {TENANT_ID_PATTERN}."))
    return tenant_id


async def _read_domain_name(domain: Annotated[str, _DOMAIN_PATH]) -> str:
    if domain != domain.strip():
        raise InvalidRequestError(FieldFault("/domain", "Leave out the space around it."))
    return read_domain(domain)


async def _find_request_id(request_id: Annotated[str, _INVITATION_PATH]) -> str:
    return await _find_invitation_id(request_id)


async def _find_principal_id(principal_id: Annotated[str, _PRINCIPAL_PATH]) -> str:
    if not is_principal_id(principal_id):
        raise NotFoundError
    return principal_id


async def _read_principal_id(principal_id: Annotated[str, _PRINCIPAL_PATH]) -> str:
    if not is_principal_id(principal_id):
        told = f"Give 1 to {PRINCIPAL_ID_MAX} printable characters in UTF-8, no space around them."
        raise InvalidRequestError(FieldFault("/principal_id", told))
    return principal_id


async def _find_change_id(change_id: Annotated[str, _INVITATION_PATH]) -> str:
    if not _INVITATION_ID.fullmatch(change_id):
        raise NotFoundError
    return change_id


async def _find_event_id(event_id: Annotated[str, _INVITATION_PATH]) -> str:
    if not _INVITATION_ID.fullmatch(event_id):
        raise NotFoundError
    return event_id


_RESOURCE_PATH = Path(
    description="Percent-encoded; may hold slashes.",
    json_schema_extra={"pattern": f"^{RESOURCE_ID_PATTERN}$", "maxLength": 128},
)


async def _find_resource_id(resource_id: Annotated[str, _RESOURCE_PATH]) -> str:
    if not is_resource_id(resource_id):
        raise NotFoundError
    return resource_id


async def _read_resource_id(resource_id: Annotated[str, _RESOURCE_PATH]) -> str:
    if not is_resource_id(resource_id):
        told = f"A resource id matches {RESOURCE_ID_PATTERN}."
        raise InvalidRequestError(FieldFault("/resource_id", told))
    return resource_id


async def _read_address(
    email: Annotated[str, Path(json_schema_extra={"maxLength": EMAIL_MAX})],
) -> EmailAddress:
    return EmailAddress.parse_input(email)


async def _find_invitation_id(invitation_id: Annotated[str, _INVITATION_PATH]) -> str:
    if not _INVITATION_ID.fullmatch(invitation_id):
        raise NotFoundError
    return invitation_id


def is_principal_id(text: str) -> bool:
    """The same texts that an assertion's ``sub`` may be; a path that was not UTF-8 is none of them."""
    is_plain = text.isprintable() and text == text.strip() and _REPLACEMENT not in text
    return is_plain and 0 < len(text) <= PRINCIPAL_ID_MAX


async def _find_connection_id(connection_id: Annotated[str, _CONNECTION_PATH]) -> str:
    if not _CONNECTION_ID.fullmatch(connection_id):
        raise NotFoundError
    return connection_id


async def _read_connection_id(connection_id: Annotated[str, _CONNECTION_PATH]) -> str:
    if not _CONNECTION_ID.fullmatch(connection_id):
        told = f"A connection id matches {CONNECTION_ID_PATTERN}."
        raise InvalidRequestError(FieldFault("/connection_id", told))
    return connection_id


ConnectionId = Annotated[str, Depends(_find_connection_id)]
NewConnectionId = Annotated[str, Depends(_read_connection_id)]
TenantId = Annotated[str, Depends(_find_tenant_id)]
NewTenantId = Annotated[str, Depends(_read_tenant_id)]
PrincipalId = Annotated[str, Depends(_find_principal_id)]
NewPrincipalId = Annotated[str, Depends(_read_principal_id)]
AddressPath = Annotated[EmailAddress, Depends(_read_address)]
ResourceIdPath = Annotated[str, Depends(_find_resource_id)]
NewResourceId = Annotated[str, Depends(_read_resource_id)]
InvitationId = Annotated[str, Depends(_find_invitation_id)]
ChangeId = Annotated[str, Depends(_find_change_id)]
EventId = Annotated[str, Depends(_find_event_id)]
JoinRequestId = Annotated[str, Depends(_find_request_id)]
DomainName = Annotated[str, Depends(_read_domain_name)]
