# SPDX-License-Identifier: Apache-2.0
"""The development mailbox, over real SMTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.delivery.letters import NOW, SENDER, TO, make_mail, part
from vestibule.delivery.mailbox import KEPT, DevelopmentMailbox
from vestibule.delivery.smtp import SmtpTransport
from vestibule.errors import MisuseError


@pytest.mark.covers("INT-03")
def test_what_is_sent_is_kept_with_its_envelope_and_found_again() -> None:
    async def story() -> None:
        times = iter(NOW + timedelta(seconds=n) for n in range(10))
        mailbox = DevelopmentMailbox(clock=lambda: next(times))
        await mailbox.start("127.0.0.1", 0)
        transport = SmtpTransport(f"smtp://127.0.0.1:{mailbox.port}")
        await transport.send(make_mail(), TO)
        await transport.send(make_mail("code_mail", to="josé@example.com"), "josé@example.com")
        await transport.send(make_mail("code_mail"), TO)
        assert [mail.index for mail in mailbox.messages] == [1, 2, 3]
        first = mailbox.messages[0]
        assert (first.envelope_from, first.envelope_to, first.received_at) == (SENDER.address_key, (TO,), NOW)
        assert first.part("plain").replace("\r\n", "\n") == part(make_mail(), "plain").replace("\r\n", "\n")
        assert "<table" in first.part("html")
        assert first.part("calendar") == ""
        assert mailbox.find() is mailbox.messages[2]
        assert mailbox.find(to="josé@example.com") is mailbox.messages[1]
        assert mailbox.find(to=TO, subject="invited") is first
        assert mailbox.find(to=TO, after=3) is None
        await transport.close()
        await mailbox.stop()
        assert len(mailbox.messages) == 3

    asyncio.run(story())


def test_waiting_ends_when_the_mail_comes_or_the_time_is_over() -> None:
    async def story() -> None:
        mailbox = DevelopmentMailbox(clock=lambda: NOW)
        await mailbox.start()
        transport = SmtpTransport(f"smtp://127.0.0.1:{mailbox.port}")
        waiting = asyncio.create_task(mailbox.wait_for(to=TO, subject="invited"))
        await transport.send(make_mail("code_mail"), TO)
        assert not waiting.done()
        await transport.send(make_mail(), TO)
        assert (await waiting).index == 2
        with pytest.raises(TimeoutError):
            await mailbox.wait_for(after=2, seconds=0.01)
        await transport.close()
        await mailbox.stop()

    asyncio.run(story())


def test_only_the_last_are_kept_and_they_keep_their_numbers() -> None:
    async def story() -> None:
        mailbox = DevelopmentMailbox(clock=lambda: NOW)
        await mailbox.start()
        transport = SmtpTransport(f"smtp://127.0.0.1:{mailbox.port}")
        mail = make_mail()
        for _ in range(KEPT + 2):
            await transport.send(mail, TO)
        assert [kept.index for kept in mailbox.messages] == list(range(3, KEPT + 3))
        await transport.close()
        await mailbox.stop()

    asyncio.run(story())


def test_it_listens_on_the_loopback_alone_and_once() -> None:
    async def story() -> None:
        mailbox = DevelopmentMailbox(clock=lambda: NOW)
        for host in ("0.0.0.0", "", "::", "192.0.2.1", "mail.example"):  # noqa: S104
            with pytest.raises(MisuseError):
                await mailbox.start(host)
        with pytest.raises(MisuseError):
            _ = mailbox.port
        await mailbox.start()
        with pytest.raises(MisuseError):
            await mailbox.start()
        # Stopping hangs up on who is still connected, and is allowed twice.
        transport = SmtpTransport(f"smtp://127.0.0.1:{mailbox.port}")
        await transport.check()
        await mailbox.stop()
        await mailbox.stop()
        await transport.close()
        await mailbox.start()
        await mailbox.stop()

    asyncio.run(story())


@pytest.mark.covers("OBS-04")
def test_links_and_addresses_stay_out_of_logs_and_reprs(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        mailbox = DevelopmentMailbox(clock=lambda: NOW)
        await mailbox.start()
        transport = SmtpTransport(f"smtp://127.0.0.1:{mailbox.port}")
        await transport.send(make_mail(), TO)
        assert "acme" not in repr(mailbox.messages)
        await transport.close()
        await mailbox.stop()

    with caplog.at_level("DEBUG"):
        asyncio.run(story())
    assert "acme" not in caplog.text
    assert "not-a-token" not in caplog.text
