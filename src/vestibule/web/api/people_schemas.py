# SPDX-License-Identifier: Apache-2.0
"""The documents of ``/v1/people``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from vestibule.web.api.fields import Address


class NamePerson(BaseModel):
    """Who is meant: by `email` or by `principal_id`, not both."""

    model_config = ConfigDict(extra="forbid", strict=True)

    email: Address | None = None
    principal_id: str | None = None


class PersonJson(BaseModel):
    """Everything held of one person, by where it stands."""

    principals: list[dict[str, Any]]
    addresses: list[str]
    accounts: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    memberships: list[dict[str, Any]]
    grants: list[dict[str, Any]]
    invitations_received: list[dict[str, Any]]
    invitations_issued: list[dict[str, Any]]
    join_requests: list[dict[str, Any]]
    suppressions: list[dict[str, Any]]
    directory_users: list[dict[str, Any]]
    events: list[dict[str, Any]]


class ErasedJson(BaseModel):
    """How many rows no longer say whom they are about, by what they are."""

    erased: dict[str, int]
