# SPDX-License-Identifier: Apache-2.0
"""The outbox, worked by the host with its own mailer."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.embedding.host import OLGA, VERA, VERAS, count_rows, found_acme
from vestibule import (
    ClaimRejectedError,
    Deliveries,
    InvitationDraft,
    IssuedInvitation,
    Letter,
    PermanentDeliveryError,
    RetryPolicy,
    Vestibule,
    keep_refusals,
)
from vestibule.testing import FrozenClock, Letters

AT_ONCE = RetryPolicy(attempts=3, base=timedelta(microseconds=1), cap=timedelta(microseconds=1))


def promise(engine: sa.Engine, vestibule: Vestibule) -> IssuedInvitation:
    with engine.begin() as connection:
        return vestibule.issue(connection, OLGA, "acme", InvitationDraft(email=VERAS, role="member"))


@pytest.mark.covers("DEL-02", "INT-02")
def test_what_is_committed_is_sent_with_a_link_that_works(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    promise(engine, vestibule)
    letters = Letters()

    assert vestibule.deliver(engine, letters) == Deliveries(sent=1)
    assert letters.link_to("vera@example.com").startswith("https://app.example/i/vst_")
    with keep_refusals(engine) as connection:
        vestibule.accept(connection, VERA, letters.token_to("vera@example.com"))
    assert vestibule.deliver(engine, letters) == Deliveries(sent=1)
    assert [letter.kind for letter in letters.to("olga@example.com")] == ["accepted_notice"]
    assert vestibule.deliver(engine, letters) == Deliveries()


@pytest.mark.covers("DEL-02")
def test_what_is_rolled_back_is_never_sent(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    with engine.connect() as connection:
        vestibule.issue(connection, OLGA, "acme", InvitationDraft(email=VERAS, role="member"))
        connection.rollback()

    assert vestibule.deliver(engine, Letters()) == Deliveries()


@pytest.mark.covers("DEL-02")
def test_a_failed_letter_is_tried_again_with_a_fresh_link(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    promise(engine, vestibule)
    links: list[str | None] = []

    def send(letter: Letter) -> None:
        links.append(letter.link)
        if len(links) == 1:
            raise ConnectionError("the mail server is away")

    first = vestibule.deliver(engine, send, batch=5, retry=AT_ONCE)
    assert first == Deliveries(deferred=1)
    while len(links) < 2:
        vestibule.deliver(engine, send, retry=AT_ONCE)

    dead, live = (str(link).rpartition("/")[2] for link in links)
    assert dead != live
    with pytest.raises(ClaimRejectedError), keep_refusals(engine) as connection:
        vestibule.accept(connection, VERA, dead)
    with keep_refusals(engine) as connection:
        vestibule.accept(connection, VERA, live)


def test_giving_up_and_dropping_are_recorded(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    promise(engine, vestibule)

    def refuse(letter: Letter) -> None:
        raise PermanentDeliveryError(f"no such mailbox for {letter.kind}")

    assert vestibule.deliver(engine, refuse) == Deliveries(gave_up=1)
    assert count_rows(engine, "vestibule_audit_events", kind="invitation.send_failed") == 1
    issued = promise(engine, vestibule)
    with engine.begin() as connection:
        vestibule.revoke(connection, OLGA, "acme", issued.invitation.invitation_id)
    assert vestibule.deliver(engine, Letters()) == Deliveries(dropped=1)


def test_more_than_a_batch_is_delivered_in_one_go(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    for _ in range(5):
        promise(engine, vestibule)  # each supersedes the one before

    assert vestibule.deliver(engine, Letters(), batch=2) == Deliveries(sent=1, dropped=4)


def test_a_letter_can_be_rendered_as_our_own_mail(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    promise(engine, vestibule)
    letters = Letters()
    vestibule.deliver(engine, letters)

    mail = vestibule.render_mail(letters.sent[0], from_address="teams@app.example", from_name="Teams")

    assert mail["To"] == "vera@example.com"
    assert letters.link_to("vera@example.com") in mail.as_string().replace("=\n", "").replace("=3D", "=")


def test_tidying_records_once_what_the_clock_has_ended(tmp_path: object) -> None:
    clock = FrozenClock()
    engine = sa.create_engine(f"sqlite:///{tmp_path}/host.db")
    vestibule = Vestibule(public_url="https://app.example", clock=clock)
    with engine.begin() as connection:
        vestibule.create_schema(connection)
    found_acme(engine, vestibule)
    promise(engine, vestibule)
    assert vestibule.tidy(engine) == 0

    clock.advance(timedelta(days=8))

    assert (vestibule.tidy(engine), vestibule.tidy(engine)) == (1, 0)
    assert count_rows(engine, "vestibule_audit_events", kind="invitation.expired") == 1
    engine.dispose()
