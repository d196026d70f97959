# SPDX-License-Identifier: Apache-2.0
"""The trail as it is answered."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class EventJson(BaseModel):
    """One fact of the trail. ``occurred_at`` is to the millisecond, as it is sealed."""

    model_config = ConfigDict(extra="forbid")

    event_id: str
    kind: str
    tenant_id: str
    invitation_id: str | None
    occurred_at: str = Field(description="RFC 3339 UTC, with milliseconds.")
    actor_id: str
    correlation_id: str
    source: str
    body: dict[str, Any]


class EventProofJson(BaseModel):
    """How far one event is sealed. ``sealed``: no signed checkpoint holds it yet; ``proved``: one does."""

    model_config = ConfigDict(extra="forbid")

    event: EventJson
    state: Literal["unsealed", "sealed", "proved"]
    leaf_hash: str = Field(description="Hexadecimal: what the event's row hashes to now.")
    seq: int | None = Field(description="Its place in the tenant's tree, from 0.")
    is_unchanged: bool | None = Field(description="Whether the row is what was sealed; null while unsealed.")
    proof: str | None = Field(description="The proof as one text (c2sp.org/tlog-proof).")
