# SPDX-License-Identifier: Apache-2.0
"""Somebody who takes part in an anonymous event with a client of their own, and events to take part in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from math import gcd
from typing import Any

from tests.lanes import Call
from tests.world import OLGA, World
from vestibule.actions.anonymity.create_event import EventKey, create_event, make_event_key
from vestibule.actions.anonymity.redeem_code import redeem_code
from vestibule.actions.anonymity.review_events import close_event, get_event
from vestibule.actions.anonymity.take_code import take_code
from vestibule.core.anonymity import AnonymousEvent, AnonymousEventDraft, message_of
from vestibule.core.blinding import RsaPublicKey, blind, finalise, read_public_key
from vestibule.core.identity import Actor, VerifiedIdentity
from vestibule.core.invitation import ResourceGrant
from vestibule.core.keys import KeyRecord
from vestibule.ports import KeyProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """What a client knows, and only it: the message and the blinding factor's inverse."""

    key: RsaPublicKey
    message: bytes
    inverse: int
    blinded: bytes

    def unblind(self, signed: bytes) -> bytes:
        return finalise(self.key, self.message, signed, inverse=self.inverse)


def make_guest(event_id: str, public_key: bytes) -> Guest:
    """A fresh message, blinded."""
    key = read_public_key(public_key)
    message = message_of(event_id, secrets.token_bytes(32))
    inverse = secrets.randbelow(key.n - 2) + 2
    assert gcd(inverse, key.n) == 1
    blinded = blind(key, message, salt=secrets.token_bytes(48), inverse=inverse)
    return Guest(key=key, message=message, inverse=inverse, blinded=blinded)


class Happening:
    """An anonymous event of the tenant Acme, and what is done with it."""

    def __init__(self, world: World, provider: KeyProvider, **draft: Any) -> None:
        self.world = world
        self.provider = provider
        self.made: EventKey = make_event_key(provider)
        self.public_key = self.made.public_key
        draft.setdefault("closes_at", world.lane.now() + timedelta(days=7))
        wanted = AnonymousEventDraft(**{"name": "Vote", "min_set_size": 2, **draft})
        self.event: AnonymousEvent = world.do(
            Call(
                "run",
                lambda uow: create_event(uow, OLGA, "acme", wanted, self.made, context=world.context),
            )
        )

    def invite(self, who: VerifiedIdentity, role: str | None = "member") -> None:
        """Invited and accepted, by the roads that every invitation takes."""
        grants = (ResourceGrant(resource_id=self.event.resource_id, role="member"),)
        link = self.world.lane.do(self.world.issue(who, role, grants=grants))
        self.world.lane.do(self.world.accept(who, link))

    def guest(self) -> Guest:
        return make_guest(self.event.event_id, self.public_key)

    def take(self, who: Actor, blinded: bytes, *, tenant: str = "acme") -> Call[KeyRecord]:
        event_id, context = self.event.event_id, self.world.context
        return Call("run", lambda uow: take_code(uow, who, tenant, event_id, blinded, context=context))

    def sign(self, who: Actor, guest: Guest) -> bytes:
        """A code's signature: taken, blindly signed, unblinded."""
        key = self.world.lane.do(self.take(who, guest.blinded))
        return guest.unblind(self.provider.blind_sign(key, guest.blinded))

    def redeem(self, guest: Guest, signature: bytes) -> Call[None]:
        return Call("run", lambda uow: redeem_code(uow, self.event.event_id, guest.message, signature))

    def close(self, who: Actor = OLGA) -> Call[Any]:
        event_id, context = self.event.event_id, self.world.context
        return Call("run", lambda uow: close_event(uow, who, "acme", event_id, context=context))

    def numbers(self) -> tuple[int, int, str]:
        """Issued, redeemed, state."""
        view = self.world.lane.do(Call("read", lambda uow: get_event(uow, OLGA, "acme", self.event.event_id)))
        return view.event.issued_count, view.event.redeemed_count, view.state
