# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from dataclasses import fields

import pytest

from vestibule.core import message as message_module
from vestibule.core.message import MESSAGE_TYPES, Letter, OutboxMessage, Recipient, dump_message, load_message


def test_every_message_type_is_registered_under_its_own_name() -> None:
    kinds = [kind for kind in vars(message_module).values() if isinstance(kind, type)]
    messages = {kind for kind in kinds if issubclass(kind, OutboxMessage)} - {OutboxMessage}
    assert set(MESSAGE_TYPES.values()) == messages
    assert all(MESSAGE_TYPES[kind].kind == kind for kind in MESSAGE_TYPES)


@pytest.mark.covers("DEL-02")
@pytest.mark.parametrize("kind", MESSAGE_TYPES)
def test_a_message_is_loaded_as_it_was_stored(kind: str) -> None:
    message_type = MESSAGE_TYPES[kind]
    values = {entry.name: 2 if str(entry.type) == "int" else "x" for entry in fields(message_type)}
    message = message_type(**values)
    assert load_message(kind, dump_message(message)) == message


@pytest.mark.covers("TOK-02", "B09")
@pytest.mark.parametrize("kind", MESSAGE_TYPES)
def test_B09_no_stored_message_has_room_for_an_address_or_a_secret(kind: str) -> None:
    names = {entry.name for entry in fields(MESSAGE_TYPES[kind])}
    assert not any(re.search(r"email|address|token|secret|code|link", name) for name in names)


def test_an_unknown_kind_of_message_is_an_error() -> None:
    with pytest.raises(KeyError):
        load_message("surprise", "{}")


@pytest.mark.covers("TOK-02", "B05", "DEL-02")
def test_B05_a_letter_never_prints_its_recipient_link_or_code() -> None:
    letter = Letter(
        message_id="message-1",
        kind="invitation_mail",
        recipient=Recipient(address_key="vera@example.com"),
        locale="en",
        values={"tenant": "Acme"},
        link="https://example.com/i/vst_secret",
        code="12345678",
    )
    assert f"{letter}{letter!r}" == "<Letter invitation_mail message-1>" * 2
