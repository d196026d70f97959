# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vectors.email import VECTORS, Vector
from vestibule.core.email import AddressFaultError, EmailAddress, parse_domain
from vestibule.errors import EmailInvalidError

Parser = Callable[..., EmailAddress]
PARSERS = (EmailAddress.parse_input, EmailAddress.parse_claim)
REFUSED_AT_ONCE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


def outcome(parse: Parser, raw: object, *, smtputf8: bool = False) -> str:
    try:
        return parse(raw, smtputf8=smtputf8).key
    except AddressFaultError as fault:
        return "!" + fault.why


def plausible_characters(plane: int) -> Iterator[str]:
    """Every non-ASCII character of a plane that is not refused by its category alone."""
    for point in range(max(plane * 0x10000, 0x80), (plane + 1) * 0x10000):
        if unicodedata.category(chr(point)) not in REFUSED_AT_ONCE:
            yield chr(point)


@pytest.mark.covers("ACC-03", "A13", "A15", "A16", "G05", "G06", "G15")
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: ascii(vector.raw)[:48])
def test_every_vector_of_the_email_key_holds_in_each_parser(vector: Vector) -> None:
    assert outcome(EmailAddress.parse_input, vector.raw) == vector.typed
    assert outcome(EmailAddress.parse_input, vector.raw, smtputf8=True) == vector.international
    assert outcome(EmailAddress.parse_claim, vector.raw, smtputf8=True) == vector.claimed


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: ascii(vector.raw)[:48])
def test_a_claim_without_smtputf8_gives_the_typed_key_or_is_refused(vector: Vector) -> None:
    claimed = outcome(EmailAddress.parse_claim, vector.raw)
    assert claimed == vector.typed or claimed.startswith("!")


@pytest.mark.covers("A15")
@pytest.mark.parametrize("plane", range(sys.maxunicode // 0x10000 + 1))
def test_A15_no_character_makes_a_local_part_equal_to_an_ascii_one(plane: int) -> None:
    for character in plausible_characters(plane):
        for parse in PARSERS:
            key = outcome(parse, f"a{character}b@example.com", smtputf8=True)
            assert key.startswith("!") or not key.isascii(), ascii(character)


@pytest.mark.covers("A15")
@pytest.mark.parametrize("plane", range(sys.maxunicode // 0x10000 + 1))
def test_A15_no_character_maps_a_claimed_domain_into_another_ascii_domain(plane: int) -> None:
    for character in plausible_characters(plane):
        key = outcome(EmailAddress.parse_claim, f"x@a{character}b.com")
        assert key.startswith(("!", "x@xn--")), ascii(character)


@pytest.mark.covers("A15", "ACC-03")
def test_A15_dotless_i_never_equals_ascii_i() -> None:
    plain = EmailAddress.parse_input("mike@example.org")
    with pytest.raises(AddressFaultError):
        EmailAddress.parse_claim("m\u0131ke@example.org", smtputf8=True)
    assert EmailAddress.parse_input("MIKE@example.org") == plain
    assert EmailAddress.parse_claim("mike@g\u0131thub.com") != EmailAddress.parse_claim("mike@github.com")


@pytest.mark.covers("A16")
@pytest.mark.parametrize("other", ["johndoe@gmail.com", "john.doe+x@gmail.com", "john.doe@googlemail.com"])
def test_A16_dots_tags_and_sister_domains_are_other_addresses(other: str) -> None:
    assert EmailAddress.parse_input(other) != EmailAddress.parse_input("john.doe@gmail.com")


@pytest.mark.covers("A13", "ACC-03")
@pytest.mark.parametrize("typed", ["VERA@EXAMPLE.COM", "Vera@Example.com ", "\tvera@example.COM\r\n"])
def test_A13_case_and_outer_space_do_not_lock_the_right_person_out(typed: str) -> None:
    assert EmailAddress.parse_input(typed) == EmailAddress.parse_claim("vera@example.com")


@pytest.mark.parametrize("parse", PARSERS)
@given(st.one_of(st.text(max_size=40), st.emails()))
@example("a@" + "b." * 127 + "com")
@example("x@xn--a.com")
@example("x@xn--.com")
@example("x@\u0300a.com")
@example("x@a\u200d.com")
def test_any_text_gives_a_fixed_point_or_a_refusal(parse: Parser, raw: str) -> None:
    key = outcome(parse, raw, smtputf8=True)
    if not key.startswith("!"):
        assert {outcome(again, key, smtputf8=True) for again in PARSERS} == {key}
        assert key.count("@") == 1
        assert len(key) <= 64 + 1 + 253


@pytest.mark.parametrize("raw", [None, 7, b"a@example.com", ["a@example.com"], {"email": "a@example.com"}])
def test_what_is_not_text_is_refused(raw: object) -> None:
    for parse in PARSERS:
        assert outcome(parse, raw) == "!type_or_length"


def test_a_refusal_points_at_the_field_and_never_repeats_the_text() -> None:
    with pytest.raises(EmailInvalidError) as caught:
        EmailAddress.parse_input("secret value@example.com")
    assert caught.value.faults[0].pointer == "/email"
    assert "secret" not in f"{caught.value!s}{caught.value!r}{caught.value.faults}"


@pytest.mark.covers("ACC-01", "G12")
def test_repr_str_and_mask_show_only_the_first_character_and_the_domain() -> None:
    address = EmailAddress.parse_input("vera@example.com")
    assert address.masked == "v***@example.com"
    assert "vera" not in f"{address!r} {address!s} {[address]}"
    assert (address.local, address.domain) == ("vera", "example.com")


@pytest.mark.covers("ISS-09")
@pytest.mark.parametrize(
    "near", ["evil-example.com", "example.com.evil.com", "sub.example.com", "example.co"]
)
def test_a_domain_matches_whole_labels_only(near: str) -> None:
    allowed = frozenset({"example.com"})
    assert EmailAddress.parse_input("x@EXAMPLE.com").is_within(allowed)
    assert not EmailAddress.parse_input(f"x@{near}").is_within(allowed)


@pytest.mark.covers("ISS-09")
@pytest.mark.parametrize(
    "raw,domain", [(" Example.COM ", "example.com"), ("b\u00fccher.example", "xn--bcher-kva.example")]
)
def test_a_typed_domain_becomes_its_a_label_form(raw: str, domain: str) -> None:
    assert parse_domain(raw) == domain


@pytest.mark.covers("ISS-09")
@pytest.mark.parametrize(
    "raw",
    [
        "",
        "localhost",
        "*.example.com",
        "@example.com",
        "example.com.",
        "a b.com",
        "exam\u00adple.com",
        "1.2.3.4",
        None,
    ],
)
def test_what_is_not_a_whole_domain_is_refused(raw: object) -> None:
    with pytest.raises(AddressFaultError):
        parse_domain(raw)
