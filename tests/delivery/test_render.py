# SPDX-License-Identifier: Apache-2.0
"""Mails as received: serialised, parsed again, and looked at as a client and as an attacker."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_string, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery.letters import (
    KINDS,
    LINK,
    NOW,
    PUBLIC_URL,
    SENDER,
    TO,
    VALUES,
    make_letter,
    make_mail,
    part,
)
from vestibule.core.message import MESSAGE_TYPES, Recipient
from vestibule.delivery.defuse import defuse
from vestibule.delivery.render import Sender, render
from vestibule.delivery.wire import list_addresses, wire_policy
from vestibule.errors import PermanentDeliveryError

HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"]
HEADERS += ["MIME-Version", "Content-Type"]
JOINER = "\u2060"
HOSTILE = [
    "</b><a href=https://evil.example>Accept</a><img src=x>",
    "{{7*7}}{% for x in y %}${7*7}<%= 7 %>",
    "=?utf-8?q?=0d=0aX-Evil:_1?=",
    "Acme\r\nBcc: x@evil.com\r\n\r\nbody",
    "Acme\u2028X-Evil: 1\u0085X-Evil: 2",
    "Acme%0d%0aX-Evil: 1",
    "Win $1000 at https://evil.example, call +1 800 555 1234",
    "\u202eemca\u200b",
    "A" * 10_000,
    '"><script>alert(1)</script>',
    "\ud800\udfff",
    "🎉" * 60,
]


def received(mail: EmailMessage) -> EmailMessage:
    wire = wire_policy(mail["To"].addresses[0].addr_spec)
    parsed = message_from_string(mail.as_bytes(policy=wire).decode(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _all(names: set[str], value: str) -> dict[str, Any]:
    return dict.fromkeys(names, value)


class Page(HTMLParser):
    """The elements, link targets and words of an HTML part."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [
            value or "" for name, value in attrs if name in ("href", "src", "action", "background")
        ]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_every_message_type_has_its_mail() -> None:
    assert set(KINDS) == set(MESSAGE_TYPES)


@pytest.mark.covers("DEL-03", "G05", "G06")
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_goes_to_the_key_alone_and_has_our_headers_alone(kind: str) -> None:
    mail = received(make_mail(kind))
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert mail["To"] == TO
    assert list_addresses(mail, "From") == [SENDER.address_key]
    assert mail["From"].addresses[0].display_name == SENDER.name
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOW
    assert re.fullmatch(r"<m-1\.[0-9]{14}@invite\.example>", mail["Message-ID"])
    assert [body.get_content_type() for body in mail.iter_parts()] == ["text/plain", "text/html"]
    assert make_mail(kind).as_bytes().isascii()


def test_each_try_is_a_mail_of_its_own() -> None:
    first = make_mail()
    second = render(make_letter(), sender=SENDER, public_url=PUBLIC_URL, now=NOW + timedelta(seconds=10))
    assert first["Message-ID"] != second["Message-ID"]


@pytest.mark.covers("DEL-03")
def test_an_invitation_says_who_what_as_which_role_and_until_when() -> None:
    mail = received(make_mail(message="See you on Monday.\nAda"))
    assert mail["Subject"] == "You are invited to join “Acme”"
    for text in (part(mail, "plain"), Page(part(mail, "html")).words):
        assert "“Ada” invites you to join “Acme”" in text
        assert "“member”" in text
        assert "28 November 2026, 12:00 UTC" in text
        assert "“Ada” wrote the following; these are not our words:" in text
        assert "See you on Monday." in text
    assert "  > See you on Monday.\n  > Ada\n" in part(mail, "plain").replace("\r\n", "\n")


def test_an_invitation_without_inviter_or_message_reads_well() -> None:
    mail = make_mail(inviter_name="")
    for text in (part(mail, "plain"), Page(part(mail, "html")).words):
        assert "You are invited to join “Acme” in the role “member”." in text
        assert "wrote" not in text
        assert "“”" not in text
    assert "The person who invited you wrote" in part(make_mail(inviter_name="", message="Hi"), "plain")


@pytest.mark.covers("DEL-01", "G07", "G09")
@pytest.mark.parametrize("kind", KINDS)
def test_the_only_links_are_the_letters_own(kind: str) -> None:
    own = {"invitation_mail": LINK, "renewal_notice": "https://invite.example/settings"}
    own |= {"leak_notice": "https://invite.example/tenants/acme/settings"}
    own |= dict.fromkeys(("join_request_notice", "domain_notice"), "https://invite.example/settings")
    own["account_exists_mail"] = "https://invite.example/sign-in"
    own |= dict.fromkeys(
        ("approval_notice", "break_glass_notice"), "https://invite.example/tenants/acme/settings"
    )
    mail = received(make_mail(kind))
    page = Page(part(mail, "html"))
    assert set(page.links) == ({own[kind]} if kind in own else set())
    assert re.findall(r"\S+://\S+", part(mail, "plain")) == ([own[kind]] if kind in own else [])
    assert not {"img", "script", "link", "iframe", "form", "input", "object", "svg"} & set(page.tags)
    assert "url(" not in part(mail, "html")


@pytest.mark.covers("G01", "G03", "G04", "G14", "G17", "G-note")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_hostile_names_change_no_header_link_or_element(kind: str, hostile: str) -> None:
    names: set[str] = {"tenant_name", "role", "inviter_name", "member_name", "invited_hint", "message"} & set(
        VALUES[kind]
    )
    mail = received(make_mail(kind, **_all(names, hostile)))
    # The same mail with calm names, or with none where nothing of the hostile ones may be shown.
    calm = make_mail(kind, **_all(names, "Acme" if defuse(hostile) else ""))
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert list_addresses(mail, "To") == [TO]
    assert not {"X-Evil", "Bcc"} & set(mail.keys())
    assert "\n" not in mail["Subject"]
    assert "=?" not in mail["Subject"]
    shown, plain = Page(part(mail, "html")), Page(part(calm, "html"))
    without_lines = [tag for tag in shown.tags if tag != "br"]
    assert without_lines == [tag for tag in plain.tags if tag != "br"]
    assert set(shown.links) == set(plain.links)
    for text in (shown.words, part(mail, "plain")):
        for url in re.findall(r"\w+://\S+", text):
            assert url in plain.links
        assert "evil.example" not in text
        assert hostile != "{{7*7}}" or "49" not in text


@pytest.mark.covers("G01")
def test_markup_and_template_syntax_are_read_as_typed() -> None:
    mail = received(make_mail(tenant_name="<b>{{7*7}}</b>"))
    assert "&lt;b&gt;{{7*7}}&lt;" in part(mail, "html")
    for text in (Page(part(mail, "html")).words, part(mail, "plain"), mail["Subject"]):
        assert "“<b>{{7*7}}</b>”" in text.replace(JOINER, "")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_whatever_a_tenant_is_called_its_mail_reads_back(name: str) -> None:
    mail = received(make_mail(tenant_name=name, inviter_name=name, message=name))
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert mail["To"] == TO
    assert mail["Subject"] == f"You are invited to join “{defuse(name)}”"


@pytest.mark.covers("DEL-03")
def test_a_long_subject_keeps_every_space_and_every_line_short() -> None:
    # The standard library drops the space before an encoded word here.
    for name in ("李& bc& word–李é Söhnea李a SöhneMüller", "Müller und Söhne " * 5, "🎉" * 30, "a b " * 20):
        mail = make_mail(tenant_name=name)
        assert received(mail)["Subject"] == f"You are invited to join “{defuse(name)}”"
        head = mail.as_bytes().partition(b"\r\n\r\n")[0]
        assert max(len(line) for line in head.split(b"\r\n")) <= 76


@pytest.mark.covers("ACC-04")
def test_a_code_stands_in_the_body_alone_with_a_warning() -> None:
    mail = received(make_mail("code_mail"))
    assert mail["Subject"] == "Your code to confirm this address"
    assert not any("1234" in f"{name}{value}" for name, value in mail.items())
    for text in (part(mail, "plain"), Page(part(mail, "html")).words):
        assert text.count("1234 5678") == 1
        assert "Never share this code." in text
        assert "None of us will ever ask you for it" in " ".join(text.split())
        assert "10 minutes" in text


@pytest.mark.covers("ACC-17")
def test_an_accepted_notice_tells_when_the_role_stayed() -> None:
    assert "is now a member" in part(make_mail("accepted_notice"), "plain")
    for subtype in ("plain", "html"):
        kept = " ".join(part(make_mail("accepted_notice", kept_role="yes"), subtype).split())
        assert "their role stays as it was" in kept
        assert "now a member" not in kept


@pytest.mark.covers("G02", "G03", "G05", "G06")
@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?q?admin?=@acme.com",
        "=?utf-8?q?a=40b?=@acme.com",
        "=?x?q?=41=42collab=40psres.net=3e=20?=@acme.com",
        "x@evil.com(@acme.com",
        '"x@evil.com> "@acme.com',
        '"<b>x</b>"@acme.com',
        "x@[127.0.0.1]",
        "a@b@acme.com",
        "v@acme.com,x@evil.com",
        "v@acme.com;x@evil.com",
        "v@acme.com\r\nBcc: x@evil.com",
        "V@acme.com",
        " v@acme.com",
        "v@acme.com\n",
        "",
        "v",
        "<v@acme.com>",
        "V <v@acme.com>",
        "v@bücher.example",
        "@acme.com",
        "v@acme.com\u2028",
    ],
    ids=ascii,
)
def test_only_an_email_key_is_written_to_or_from(address: str) -> None:
    assert make_mail(to=TO)["To"] == TO
    with pytest.raises(PermanentDeliveryError) as caught:
        make_mail(to=address)
    assert "acme" not in str(caught.value)
    with pytest.raises(PermanentDeliveryError):
        make_mail(sender=Sender(address_key=address))


@pytest.mark.covers("G05")
@pytest.mark.parametrize(
    "key",
    [
        "a.l.i.c.e@gmail.com",
        "alice+team@example.com",
        "alice@xn--fa-hia.de",
        "o'hara@example.com",
        "a=b@example.com",
        "!#$%&'*+-/=^_`{|}~@example.com",
        "josé@example.com",
        "例@xn--fsq.xn--55qx5d",
        "x" * 64 + "@example.com",
    ],
)
def test_every_key_comes_back_byte_for_byte(key: str) -> None:
    assert list_addresses(received(make_mail(to=key)), "To") == [key]


@pytest.mark.covers("G03", "G14")
@pytest.mark.parametrize("name", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_a_hostile_sender_name_stays_a_name(name: str) -> None:
    mail = received(make_mail(sender=replace(SENDER, name=name)))
    assert list_addresses(mail, "From") == [SENDER.address_key]
    assert sorted(mail.keys()) == sorted(HEADERS)


@pytest.mark.covers("G09")
@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "",
        "https://",
        "https://a b",
        'https://a/"x',
        "HTTP:x",
        "https://a/\nx",
        "https://a/<x>",
        "ftp://a/x",
        "https://user:pw@a/x",
        " https://a/x",
        "https://a/\u2028",
        None,
    ],
    ids=ascii,
)
def test_a_link_that_is_no_plain_url_is_not_sent(link: str | None) -> None:
    for good in (
        LINK,
        "http://127.0.0.1:8000/i/x",
        "http://[::1]:8000/i#x",
        "https://a.example/i/x?y=1&z=%20",
    ):
        assert part(make_mail(link=good), "plain").count(good) == 1
    with pytest.raises(PermanentDeliveryError):
        make_mail(link=link)


@pytest.mark.parametrize(
    "code", [None, "", "1234567", "123456789", "1234567a", "١٢٣٤٥٦٧٨", "1234 567"], ids=ascii
)
def test_a_code_is_eight_digits_or_nothing_is_sent(code: str | None) -> None:
    make_mail("code_mail")
    with pytest.raises(PermanentDeliveryError):
        make_mail("code_mail", code=code)


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_that_lacks_a_value_is_not_sent(kind: str) -> None:
    letter = make_letter(kind)
    for missing in letter.values:
        values = {name: value for name, value in letter.values.items() if name != missing}
        with pytest.raises(PermanentDeliveryError, match=missing):
            render(replace(letter, values=values), sender=SENDER, public_url=PUBLIC_URL, now=NOW)
    with pytest.raises(PermanentDeliveryError, match="kind"):
        render(replace(letter, kind="../layout"), sender=SENDER, public_url=PUBLIC_URL, now=NOW)


@pytest.mark.parametrize("message_id", ["", "a b", "a>\r\nX: 1", "a@b", "x" * 129, "é"], ids=ascii)
def test_a_message_id_is_plain(message_id: str) -> None:
    with pytest.raises(PermanentDeliveryError):
        make_mail(message_id=message_id)


def test_a_recipients_name_is_not_shown_in_the_headers() -> None:
    letter = replace(make_letter(), recipient=Recipient(address_key=TO, name="Boss <boss@evil.com>"))
    assert render(letter, sender=SENDER, public_url=PUBLIC_URL, now=NOW)["To"] == TO
