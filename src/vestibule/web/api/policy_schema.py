# SPDX-License-Identifier: Apache-2.0
"""The document of a policy, as the reference describes it. ``core.policy`` reads it and names every fault."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import WithJsonSchema

from vestibule.core.policy.rules import (
    APPROVALS_MAX,
    AUTH_MAX_AGE_MIN,
    COOLDOWN_MAX,
    GRANT_MAX,
    GRANT_MIN,
    HOUR,
    ROLE_PATTERN,
    SCHEMA,
    SEATS_MAX,
    SEPARATION_MAX,
    TTL_MAX,
    TTL_MIN,
)


def _number(least: int, most: int, *, optional: bool = False) -> dict[str, Any]:
    return {"type": ["integer", "null"] if optional else "integer", "minimum": least, "maximum": most}


def _texts(most: int, *, optional: bool = False) -> dict[str, Any]:
    return {
        "type": ["array", "null"] if optional else "array",
        "items": {"type": "string"},
        "minItems": 1 if optional else 0,
        "maxItems": most,
    }


def _per_role(what: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "propertyNames": _ROLE, "maxProperties": 100, "additionalProperties": what}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


_ROLE = {"type": "string", "pattern": f"^{ROLE_PATTERN}$"}
_ROLES = {"type": "array", "items": _ROLE, "maxItems": 100}
_MOMENT = {"type": "string", "format": "date-time"}
_RULE = _object(
    {
        "amr_any": _texts(20),
        "approval_ttl": _number(TTL_MIN, TTL_MAX),
        "approvals": _number(0, APPROVALS_MAX),
        "auth_max_age": _number(AUTH_MAX_AGE_MIN, TTL_MAX, optional=True),
        "grant_default": _number(GRANT_MIN, GRANT_MAX, optional=True),
        "grant_max": _number(GRANT_MIN, GRANT_MAX, optional=True),
        "justification": {"type": "boolean"},
        "review_within": _number(HOUR, TTL_MAX, optional=True),
        "ttl": _number(TTL_MIN, TTL_MAX),
    }
)
_EVENT = _object(
    {
        "close_before_start": _number(0, TTL_MAX),
        "ends_at": _MOMENT,
        "location": {"type": ["string", "null"], "minLength": 1, "maxLength": 200},
        "name": {"type": ["string", "null"], "minLength": 1, "maxLength": 100},
        "starts_at": _MOMENT,
    },
    required=["starts_at", "ends_at"],
)
POLICY_SCHEMA: dict[str, Any] = _object(
    {
        "address_storage": {"enum": ["kept", "blind"]},
        "administrators": _ROLES,
        "allowed_domains": _texts(1000, optional=True),
        "announce_end": _number(0, TTL_MAX),
        "assignable": _per_role(_ROLES),
        "connection_exceptions": _texts(1000),
        "event": {"anyOf": [_EVENT, {"type": "null"}]},
        "id": {"type": ["string", "null"], "pattern": "^[a-z0-9-]{1,64}$"},
        "max_pending": _number(1, SEATS_MAX),
        "max_pending_per_inviter": _number(1, SEATS_MAX),
        "reissue_leaked": {"type": "boolean"},
        "require_connection": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
        "resend_cooldown": _number(0, COOLDOWN_MAX),
        "roles": _per_role(_RULE),
        "schema": {"const": SCHEMA},
        "seat_limit": _number(0, SEATS_MAX, optional=True),
        "seats_count_pending": {"type": "boolean"},
        "separation": _number(0, SEPARATION_MAX),
        "single_owner_bootstrap": _number(HOUR, TTL_MAX, optional=True),
        "target_key": {"enum": ["address", "address_role"]},
        "token": {"enum": ["opaque", "signed"]},
        "ttl": _per_role(_number(TTL_MIN, TTL_MAX)),
    },
    title="Policy",
    description="What is left out keeps its default. Durations are whole seconds.",
)
PolicyDocument = Annotated[dict[str, Any], WithJsonSchema(POLICY_SCHEMA)]
