# SPDX-License-Identifier: Apache-2.0
"""Asking a real DNS server for a domain's record, whatever it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.nameserver import DnsServer, Lie
from vestibule.core.domain import DomainAnswer, DomainFinding, DomainKind
from vestibule.identity.domains import WorldNames

NAME = "_vestibule.acme.com"
VALUE = "vestibule-domain=00112233445566778899aabbccddeeff"


@pytest.fixture
def server() -> Iterator[DnsServer]:
    made = DnsServer()
    yield made
    made.stop()


def look(server: DnsServer, name: str = NAME, *, patience: float = 1.0) -> DomainAnswer:
    return asyncio.run(WorldNames((server.server,), patience=patience).look_up(name))


@pytest.mark.covers("TEN-03")
def test_the_record_is_found_at_its_name(server: DnsServer) -> None:
    server.publish(NAME, VALUE)
    assert look(server) == DomainAnswer(texts=[VALUE])
    assert server.zone.asked == [(NAME, "udp")]


@pytest.mark.covers("TEN-03")
def test_the_strings_of_one_record_are_one_text_and_records_are_apart(server: DnsServer) -> None:
    server.publish(NAME, f'"{VALUE[:20]}" "{VALUE[20:]}"', "v=spf1 -all")
    assert sorted(look(server).texts) == sorted([VALUE, "v=spf1 -all"])


@pytest.mark.covers("TEN-03")
def test_bytes_that_are_no_text_are_no_value(server: DnsServer) -> None:
    server.publish(NAME, r'"vestibule-domain=\000\255"')
    [text] = look(server).texts
    assert text == "vestibule-domain=\0\ufffd"


@pytest.mark.covers("TEN-03")
def test_a_long_answer_is_fetched_by_tcp(server: DnsServer) -> None:
    server.publish(NAME, VALUE, *(f"{number:03}" + "x" * 200 for number in range(15)))
    assert VALUE in look(server).texts
    assert server.zone.asked == [(NAME, "udp"), (NAME, "tcp")]


@pytest.mark.covers("TEN-03")
@pytest.mark.parametrize(
    "rcode,answer",
    [
        (dns.rcode.NXDOMAIN, DomainAnswer()),
        (dns.rcode.NOERROR, DomainAnswer()),
        (dns.rcode.SERVFAIL, DomainAnswer(fault=DomainFinding.SERVER_FAILED)),
        (dns.rcode.REFUSED, DomainAnswer(fault=DomainFinding.SERVER_FAILED)),
        (dns.rcode.FORMERR, DomainAnswer(fault=DomainFinding.SERVER_FAILED)),
    ],
)
def test_every_refusal_of_a_server_is_a_finding(
    server: DnsServer, rcode: dns.rcode.Rcode, answer: DomainAnswer
) -> None:
    server.zone.rcodes[NAME] = rcode
    assert look(server) == answer


@pytest.mark.covers("TEN-03")
def test_an_alias_proves_nothing_even_with_the_right_value_behind_it(server: DnsServer) -> None:
    server.zone.aliases[NAME] = "acme.hosting.example"
    server.publish("acme.hosting.example", VALUE)
    assert look(server) == DomainAnswer(fault=DomainFinding.ALIAS)


@pytest.mark.covers("TEN-03")
def test_a_ring_of_aliases_ends(server: DnsServer) -> None:
    server.zone.aliases |= {NAME: "b.example", "b.example": NAME}
    assert look(server).fault in (
        DomainFinding.SERVER_FAILED,
        DomainFinding.MALFORMED,
        DomainFinding.ALIAS,
        None,
    )
    assert not look(server).texts


def _wrong_id(_question: dns.message.Message, answer: dns.message.Message) -> bytes:
    answer.id ^= 1
    return answer.to_wire()


def _other_question(question: dns.message.Message, _answer: dns.message.Message) -> bytes:
    other = dns.message.make_query("_vestibule.evil.example.", "TXT", id=question.id)
    response = dns.message.make_response(other)
    response.answer.append(dns.rrset.from_text("_vestibule.evil.example.", 60, "IN", "TXT", f'"{VALUE}"'))
    return response.to_wire()


def _other_name(_question: dns.message.Message, answer: dns.message.Message) -> bytes:
    answer.answer = [dns.rrset.from_text("_vestibule.evil.example.", 60, "IN", "TXT", f'"{VALUE}"')]
    return answer.to_wire()


def _cut_off(_question: dns.message.Message, answer: dns.message.Message) -> bytes:
    return answer.to_wire()[:-7]


def _noise(_question: dns.message.Message, _answer: dns.message.Message) -> bytes:
    return b"\xff" * 40


def _always_truncated(_question: dns.message.Message, answer: dns.message.Message) -> bytes:
    answer.flags |= dns.flags.TC
    answer.answer = []
    return answer.to_wire()


def _silence(_question: dns.message.Message, _answer: dns.message.Message) -> None:
    return None


@pytest.mark.covers("TEN-03")
@pytest.mark.parametrize(
    "lie", [_wrong_id, _other_question, _other_name, _cut_off, _noise, _always_truncated, _silence]
)
def test_a_lying_server_proves_nothing_and_holds_nobody_up(server: DnsServer, lie: Lie) -> None:
    server.publish(NAME, VALUE)
    server.zone.lies[NAME] = lie
    started = time.monotonic()
    answer = look(server, patience=0.6)
    assert time.monotonic() - started < 3
    assert not answer.texts
    server.forget(NAME)
    server.publish(NAME, VALUE)
    assert look(server).texts == [VALUE]


@pytest.mark.covers("TEN-03")
def test_a_slow_server_is_a_finding_in_time(server: DnsServer) -> None:
    server.publish(NAME, VALUE)
    server.zone.delay = 2.0
    assert look(server, patience=0.4) == DomainAnswer(fault=DomainFinding.TIMED_OUT)


@pytest.mark.covers("TEN-03")
def test_a_server_that_is_down_is_a_finding(server: DnsServer) -> None:
    server.stop()
    assert look(server, patience=0.6).fault in (DomainFinding.TIMED_OUT, DomainFinding.SERVER_FAILED)


@pytest.mark.covers("TEN-03")
def test_the_second_server_answers_when_the_first_does_not(server: DnsServer) -> None:
    server.publish(NAME, VALUE)
    broken = DnsServer()
    broken.zone.rcodes[NAME] = dns.rcode.SERVFAIL
    answer = asyncio.run(WorldNames((broken.server, server.server), patience=2).look_up(NAME))
    broken.stop()
    assert answer.texts == [VALUE]


def test_a_name_that_no_zone_can_hold_is_a_finding(server: DnsServer) -> None:
    long = ".".join(["a" * 60] * 4) + ".example.com"
    assert look(server, "_vestibule." + long) == DomainAnswer(fault=DomainFinding.MALFORMED)
    assert server.zone.asked == []


@pytest.mark.covers("TEN-03")
@pytest.mark.parametrize(
    "domain,kind",
    [
        ("acme.com", None),
        ("mail.acme.com", None),
        ("xn--bcher-kva.example", None),
        ("notgmail.com", None),
        ("gmail.com.acme.com", None),
        ("co.uk", DomainKind.PUBLIC_SUFFIX),
        ("github.io", DomainKind.PUBLIC_SUFFIX),
        ("blogspot.com", DomainKind.PUBLIC_SUFFIX),
        ("gmail.com", DomainKind.PUBLIC_MAIL),
        ("mail.gmail.com", DomainKind.PUBLIC_MAIL),
        ("outlook.com", DomainKind.PUBLIC_MAIL),
        ("web.de", DomainKind.PUBLIC_MAIL),
        ("mailinator.com", DomainKind.DISPOSABLE),
        ("box.mailinator.com", DomainKind.DISPOSABLE),
    ],
)
def test_domains_where_anybody_has_an_address_are_known(domain: str, kind: DomainKind | None) -> None:
    assert WorldNames().classify(domain) is kind
