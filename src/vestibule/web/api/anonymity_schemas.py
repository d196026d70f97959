# SPDX-License-Identifier: Apache-2.0
"""The documents of anonymous events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vestibule.core.anonymity import NAME_MAX, RULES
from vestibule.core.naming import check_name
from vestibule.web.api.fields import GivenMoment, Moment, checked_by

_BYTES_MAX = 2048
Base64Url = Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$", max_length=_BYTES_MAX)]
EventName = Annotated[str, Field(min_length=1, max_length=NAME_MAX), checked_by(check_name, NAME_MAX)]
State = Literal["collecting", "open", "closed"]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CreateAnonymousEvent(_Asked):
    """An event whose guests are known, and whose redemptions are not."""

    name: EventName
    closes_at: GivenMoment
    opens_at: GivenMoment | None = None
    min_set_size: Annotated[int, Field(ge=RULES.smallest_set, le=RULES.largest_set)] | None = None


class SignAnonymousCode(_Asked):
    """A message, blinded for the event's key (RFC 9474)."""

    blinded: Base64Url


class RedeemAnonymousCode(_Asked):
    """A code: the message, which is 32 random bytes and `event:` with the event's id, and its signature."""

    msg: Base64Url
    sig: Base64Url


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AnonymousEventJson(_Told):
    """What anybody may see of an event. `public_key` is the DER of a SubjectPublicKeyInfo."""

    event_id: str
    name: str
    tenant_name: str
    state: State
    min_set_size: int
    issued_count: int
    opens_at: Moment | None
    closes_at: Moment
    public_key: str
    thumbprint: str


class HeldAnonymousEventJson(AnonymousEventJson):
    """The same with what its administrators need: how many codes were redeemed, and what invitations name."""

    resource_id: str
    key_id: str
    redeemed_count: int
    created_at: Moment


class BlindSignatureJson(_Told):
    """What the client unblinds; the service keeps no copy."""

    blind_signature: str
