# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import MISSING, fields
from typing import Any

import pytest

from tests.factories import make_context, make_identity
from vestibule.core import event as event_module
from vestibule.core.event import AuditEvent, ClaimRejected, TenantPut, record_event
from vestibule.core.identity import HostKey, actor_id
from vestibule.errors import RejectReason

KINDS = [
    kind
    for kind in vars(event_module).values()
    if isinstance(kind, type) and issubclass(kind, AuditEvent) and kind is not AuditEvent
]
SAMPLES: dict[str, Any] = {
    "str": "x",
    "int": 3,
    "bool": True,
    "str | None": None,
    "int | None": None,
    "RejectReason": RejectReason.EXPIRED,
}


def sample(kind: type[AuditEvent]) -> AuditEvent:
    needed = {entry.name: SAMPLES[str(entry.type)] for entry in fields(kind) if entry.default is MISSING}
    return kind(**{**needed, "tenant_id": "acme", "invitation_id": "invitation-1"})


@pytest.mark.covers("AUD-01")
def test_every_event_has_a_name_of_its_own_subject_and_past_act() -> None:
    counted = Counter(kind.kind for kind in KINDS)
    assert [name for name, count in counted.items() if count > 1] == []
    assert [name for name in counted if not re.fullmatch(r"[a-z_]+\.[a-z_]+", name)] == []


@pytest.mark.covers("AUD-01")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_event_is_recorded_with_actor_request_and_canonical_body(kind: type[AuditEvent]) -> None:
    event = sample(kind)
    record = record_event(event, actor_id="principal-adam", context=make_context())
    assert (record.kind, record.tenant_id, record.invitation_id) == (kind.kind, "acme", "invitation-1")
    assert (record.actor_id, record.correlation_id, record.source) == ("principal-adam", "request-1", "api")
    body = json.loads(record.body)
    assert json.dumps(body, sort_keys=True, separators=(",", ":")) == record.body
    assert set(body) == {entry.name for entry in fields(kind)} - {"tenant_id", "invitation_id"}


@pytest.mark.covers("TOK-02", "N08")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_N08_no_event_has_room_for_an_address_a_token_or_a_secret(kind: type[AuditEvent]) -> None:
    words = {word for entry in fields(kind) for word in entry.name.split("_")}
    assert words.isdisjoint(
        {"email", "address", "token", "secret", "code", "password", "ip", "agent", "name"}
    )
    assert {str(entry.type) for entry in fields(kind)} <= set(SAMPLES)


@pytest.mark.covers("AUD-01")
def test_the_private_reason_of_a_refusal_is_in_its_event() -> None:
    event = ClaimRejected(tenant_id="acme", reason=RejectReason.WRONG_RECIPIENT, attempted="accept")
    record = record_event(event, actor_id="principal-x", context=make_context())
    assert json.loads(record.body) == {"attempted": "accept", "reason": "wrong_recipient"}


def test_two_records_of_one_event_are_two_facts() -> None:
    event = TenantPut(tenant_id="acme", is_new=True, policy_version=1, policy_hash="x")
    one, two = (record_event(event, actor_id="a", context=make_context()) for _ in range(2))
    assert one.event_id != two.event_id
    assert one.body == two.body


def test_a_key_and_a_principal_stand_apart_in_the_trail() -> None:
    assert actor_id(HostKey(key_id="principal-vera")) == "key|principal-vera"
    assert actor_id(make_identity()) == "principal-vera"
