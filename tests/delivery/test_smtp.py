# SPDX-License-Identifier: Apache-2.0
"""Sending over real SMTP, to good servers and to bad ones."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.delivery.letters import SENDER, TO, make_mail
from tests.delivery.servers import Server, accept_secret, make_certificate, raw_serving, serving
from vestibule.delivery.smtp import SETTING, SmtpTransport, parse_smtp_url
from vestibule.delivery.wire import list_addresses, read_back, wire_policy
from vestibule.errors import ConfigurationError, DeliveryError, PermanentDeliveryError, TransientDeliveryError


def transport_to(
    server: Server | int, scheme: str = "smtp", user: str = "", **options: object
) -> SmtpTransport:
    port = server if isinstance(server, int) else server.port
    options.setdefault("timeout", 5)
    return SmtpTransport(f"{scheme}://{user}localhost:{port}", **options)  # type: ignore[arg-type]


@pytest.mark.covers("DEL-02", "G05")
def test_a_mail_arrives_as_it_was_rendered() -> None:
    async def story() -> None:
        async with serving() as server:
            transport = transport_to(server)
            mail = make_mail(tenant_name="Müller & Söhne")
            await transport.send(mail, TO)
            await transport.close()
            [(sender, recipients, data)] = server.taken
            assert (sender, recipients) == (SENDER.address_key, [TO])
            arrived = read_back(data, wire_policy(TO))
            assert list_addresses(arrived, "To") == [TO]
            assert arrived["Subject"] == mail["Subject"]
            assert arrived.as_bytes() == mail.as_bytes()

    asyncio.run(story())


def test_one_connection_serves_many_mails_at_once_and_in_turn() -> None:
    async def story() -> None:
        async with serving() as server:
            transport = transport_to(server)
            await asyncio.gather(*(transport.send(make_mail(), TO) for _ in range(5)))
            await transport.send(make_mail(), TO)
            assert (len(server.taken), server.connections) == (6, 1)
            # The server hangs up, as servers do with idle clients: nobody notices.
            server.hang_up()
            await transport.send(make_mail(), TO)
            assert (len(server.taken), server.connections) == (7, 2)
            await transport.close()
            await transport.send(make_mail(), TO)
            assert server.connections == 3
            await transport.close()

    asyncio.run(story())


@pytest.mark.covers("DEL-02")
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("550 5.1.1 <v@acme.com> unknown, said the server of v@acme.com", PermanentDeliveryError),
        ("554 v@acme.com refused", PermanentDeliveryError),
        ("451 4.3.0 try later v@acme.com", TransientDeliveryError),
        ("421 4.3.2 v@acme.com: shutting down", TransientDeliveryError),
        ("450 4.2.1 mailbox of v@acme.com busy", TransientDeliveryError),
        ("530 5.7.0 authenticate first, v@acme.com", TransientDeliveryError),
    ],
)
def test_a_refusal_is_told_by_its_code_and_the_next_mail_goes_through(
    step: str, reply: str, kind: type[DeliveryError]
) -> None:
    async def story() -> None:
        async with serving() as server:
            transport = transport_to(server)
            server.replies[step] = reply
            with pytest.raises(kind) as caught:
                await transport.send(make_mail(), TO)
            assert type(caught.value) is kind
            assert reply[:3] in str(caught.value)
            assert "acme" not in str(caught.value)
            assert caught.value.__cause__ is None
            assert server.taken == []
            server.replies.clear()
            await transport.send(make_mail(), TO)
            assert len(server.taken) == 1
            await transport.close()

    asyncio.run(story())


@pytest.mark.covers("DEL-02")
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("how", ["drops", "stalls"])
def test_a_server_that_drops_or_stalls_midway_is_tried_later(step: str, how: str) -> None:
    async def story() -> None:
        async with serving() as server:
            transport = transport_to(server, timeout=0.4)
            getattr(server, how).add(step)
            with pytest.raises(TransientDeliveryError) as caught:
                await transport.send(make_mail(), TO)
            assert "acme" not in str(caught.value)
            assert server.taken == []
            getattr(server, how).clear()
            await transport.send(make_mail(), TO)
            assert (len(server.taken), server.connections) == (1, 2)
            await transport.close()

    asyncio.run(story())


def test_a_send_that_is_cancelled_leaves_no_half_session_behind() -> None:
    async def story() -> None:
        async with serving() as server:
            transport = transport_to(server)
            server.stalls.add("RCPT")
            task = asyncio.create_task(transport.send(make_mail(), TO))
            while not server.sessions:  # noqa: ASYNC110 - the server under test has no event to wait for
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            server.stalls.clear()
            await transport.send(make_mail(to="other@acme.com"), "other@acme.com")
            assert [recipients for _, recipients, _ in server.taken] == [["other@acme.com"]]
            await transport.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    "greeting",
    [
        b"",
        b"554 5.7.1 go away v@acme.com\r\n",
        b"421 busy\r\n",
        b"HTTP/1.1 400 Bad\r\n\r\n",
        b"\xff\xfe\r\n",
        b"220 x\r\n500 no\r\n",
        b"2" * 70000,
    ],
    ids=lambda greeting: repr(greeting[:12]),
)
def test_what_does_not_speak_smtp_is_tried_later(greeting: bytes) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()

    async def story() -> None:
        async with raw_serving(answer) as port:
            transport = transport_to(port, timeout=1)
            for act in (transport.check, lambda: transport.send(make_mail(), TO)):
                with pytest.raises(TransientDeliveryError) as caught:
                    await act()
                assert "acme" not in str(caught.value)
            await transport.close()

    asyncio.run(story())


def test_where_nobody_listens_is_tried_later() -> None:
    async def story() -> None:
        async with serving() as server:
            port = server.port
        transport = transport_to(port)
        with pytest.raises(TransientDeliveryError):
            await transport.send(make_mail(), TO)
        with pytest.raises(TransientDeliveryError):
            await transport.check()

    asyncio.run(story())


def trusting(file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=file)


@pytest.mark.covers("G16")
@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_verified_certificate_is_needed_to_send(scheme: str, tmp_path: Path) -> None:
    async def attempt(context: ssl.SSLContext, trust: Path | None) -> int:
        options = (
            {"implicit_tls": context}
            if scheme == "smtps"
            else {"tls_context": context, "require_starttls": True}
        )
        async with serving(**options) as server:
            # Without a context of its own the transport has to make a strict one.
            transport = transport_to(server, scheme, tls_context=trusting(trust) if trust else None)
            try:
                await transport.check()
                await transport.send(make_mail(), TO)
                await transport.send(make_mail(), TO)
            finally:
                await transport.close()
                assert all(recipients == [TO] for _, recipients, _ in server.taken)
                taken.append(len(server.taken))
            return len(server.taken)

    taken: list[int] = []
    good, good_file = make_certificate(tmp_path, "localhost")
    wrong, wrong_file = make_certificate(tmp_path, "mail.evil.example")
    (tmp_path / "old").mkdir()
    old, old_file = make_certificate(tmp_path / "old", "localhost", expired=True)
    assert asyncio.run(attempt(good, good_file)) == 2
    for context, trust in ((wrong, wrong_file), (good, None), (old, old_file)):
        with pytest.raises(TransientDeliveryError, match="certificate"):
            asyncio.run(attempt(context, trust))
    assert taken == [2, 0, 0, 0]


@pytest.mark.covers("G16")
def test_a_server_that_offers_no_tls_gets_neither_mail_nor_password() -> None:
    async def story() -> None:
        async with serving(authenticator=accept_secret, auth_require_tls=False) as server:
            transport = transport_to(server, "smtp+starttls", "us%20er:p%40ss%2Fw%C3%B6rd@")
            with pytest.raises(TransientDeliveryError):
                await transport.send(make_mail(), TO)
            await transport.close()
            assert server.taken == []
            assert server.logins == 0

    asyncio.run(story())


def test_credentials_are_decoded_and_wrong_ones_are_the_operators_matter(tmp_path: Path) -> None:
    context, file = make_certificate(tmp_path, "localhost")

    async def story() -> None:
        async with serving(authenticator=accept_secret, auth_required=True, tls_context=context) as server:
            trust = trusting(file)
            good = transport_to(server, "smtp+starttls", "us%20er:p%40ss%2Fw%C3%B6rd@", tls_context=trust)
            await good.check()
            await good.send(make_mail(), TO)
            await good.close()
            for user in ("us%20er:wrong@", ""):
                bad = transport_to(server, "smtp+starttls", user, tls_context=trust)
                with pytest.raises(TransientDeliveryError, match="53"):
                    await bad.send(make_mail(), TO)
                await bad.close()
            assert len(server.taken) == 1
            assert server.logins >= 2

    asyncio.run(story())


@pytest.mark.covers("G05", "G06")
@pytest.mark.parametrize(
    "recipient",
    [
        "x@evil.com",
        "V@acme.com",
        "v@acme.com ",
        "<v@acme.com>",
        "v@acme.com,x@evil.com",
        "V <v@acme.com>",
        "",
        "v@acme.com> SIZE=1\r\nRCPT TO:<x@evil.com",
        "v@acme.com\n",
        "v(x)@acme.com",
        "v@acme.com.",
    ],
    ids=ascii,
)
def test_the_envelope_is_the_key_that_the_mail_names(recipient: str) -> None:
    async def story() -> None:
        async with serving() as server:
            transport = transport_to(server)
            with pytest.raises(PermanentDeliveryError):
                await transport.send(make_mail(), recipient)
            assert server.connections == 0
            for header in ("Cc", "Bcc"):
                mail = make_mail()
                mail[header] = "x@evil.com"
                with pytest.raises(PermanentDeliveryError):
                    await transport.send(mail, TO)
            # A mail that render did not build may repeat the mistake in its header.
            mail = make_mail()
            del mail["To"]
            mail["To"] = "V@acme.com"
            with pytest.raises(PermanentDeliveryError):
                await transport.send(mail, "V@acme.com")
            await transport.send(make_mail(), TO)
            assert [recipients for _, recipients, _ in server.taken] == [[TO]]
            await transport.close()

    asyncio.run(story())


def test_an_international_address_needs_a_server_that_can() -> None:
    async def story(*, able: bool) -> int:
        async with serving(enable_SMTPUTF8=able) as server:
            transport = transport_to(server)
            try:
                await transport.send(make_mail(to="josé@example.com"), "josé@example.com")
            finally:
                await transport.close()
            [(_, recipients, data)] = server.taken
            assert recipients == ["josé@example.com"]
            assert list_addresses(read_back(data, wire_policy("josé@example.com")), "To") == recipients
            return len(server.taken)

    assert asyncio.run(story(able=True)) == 1
    with pytest.raises(PermanentDeliveryError):
        asyncio.run(story(able=False))


def test_a_url_names_scheme_host_port_and_credentials() -> None:
    address = parse_smtp_url("smtps://us%20er:p%40ss@mail.example")
    assert (address.host, address.port, address.username, address.password) == (
        "mail.example",
        465,
        "us er",
        "p@ss",
    )
    assert parse_smtp_url("smtp+starttls://mail.example").port == 587
    assert parse_smtp_url("smtp+unsafe://mail.example").port == 25
    assert parse_smtp_url("smtp://[::1]:2525/").port == 2525
    assert "p@ss" not in repr(address)
    assert "p%40ss" not in repr(SmtpTransport("smtps://us%20er:p%40ss@mail.example"))


@pytest.mark.covers("G16")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://mail.example",
        "smtp://10.0.0.1",
        "smtp://127.0.0.1.evil.example",
        "smtps://",
        "smtps://h:99999",
        "smtps://h:x",
        "smtps://h/path",
        "smtps://h?verify=no",
        "smtps://user@h",
        "smtp://[",
        "smtps://user:sesame@h#x",
        "smtp+tls://h",
    ],
)
def test_a_wrong_url_names_the_setting_and_not_the_password(url: str) -> None:
    assert parse_smtp_url("smtp://localhost").port == 25
    with pytest.raises(ConfigurationError) as caught:
        SmtpTransport(url)
    assert caught.value.setting == SETTING == "VESTIBULE_SMTP_URL"
    assert "sesame" not in str(caught.value)
