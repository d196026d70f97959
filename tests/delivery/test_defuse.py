# SPDX-License-Identifier: Apache-2.0
"""What others typed stays words."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.delivery.defuse import NAME_MAX, TEXT_MAX, defuse, defuse_text

JOINER = "\u2060"
# What greedy mail clients link: schemes, domains, addresses, telephone numbers.
LINKED = [
    re.compile(r"[a-z][a-z0-9+.-]*://\S", re.IGNORECASE),
    re.compile(r"\b(?:mailto|tel|sms|javascript|data):\S", re.IGNORECASE),
    re.compile(r"[\w-]+\.[^\W\d_]{2,}"),
    re.compile(rf"[^\s{JOINER}]@[^\s{JOINER}]"),
    re.compile(r"\+?\d(?:[ ()/.-]{0,3}\d){6,}"),
]


def assert_inert(text: str) -> None:
    for pattern in LINKED:
        assert not pattern.search(text), (pattern.pattern, text)


@pytest.mark.covers("G04", "G17", "DEL-03")
@pytest.mark.parametrize(
    "text",
    [
        "evil.com",
        "Visit https://evil.example/x?y=1 now",
        "www.evil.co.uk",
        "EVIL.COM/win",
        "http:\\\\evil.com",
        "x@evil.com",
        "mailto:x@evil.com",
        "tel:+18005551234",
        "javascript:alert(1)",
        "a.b.c.d.e",
        "call +1 (800) 555-1234",
        "0800 123 45 67",
        "call 1-800-555-1234!",
        "+49/30/1234567",
        "8005551234",
        "ftp://a",
        "evil。com",
        "evil．com",
        "evil｡com",
        "x＠evil．com",
        "1.2.3.4",
        "evil.com.",
        "(evil.com)",
    ],
)
def test_nothing_in_a_name_becomes_a_link(text: str) -> None:
    for shown in (defuse(text), defuse_text(text)):
        assert_inert(shown)
        # And a person still reads what was typed.
        assert shown.replace(JOINER, "") == text


def test_ordinary_names_stay_as_they_are() -> None:
    for name in (
        "Acme Inc.",
        "St. Mary's",
        "Müller & Söhne",
        "李 小龍",
        "R2D2",
        "Team 42",
        "at 10:00",
        "A+ / B",
        "50%",
    ):
        assert defuse(name).replace(JOINER, "") == name
    for name in ("Acme Inc.", "Müller & Söhne", "Team 42", "at 10:00", "in 2026"):
        assert JOINER not in defuse(name)


@pytest.mark.covers("G03", "G14")
def test_a_name_is_one_line_of_characters_that_are_seen() -> None:
    assert defuse("Ac\u200bme\u202e \u2066x\u00ad\ufeff\0") == "Acme x"
    for line_break in ("\n", "\r", "\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c"):
        assert defuse(f"Acme{line_break}Bcc: x") == "Acme Bcc: x"
    assert defuse("  a \u00a0\u3000 b  ") == "a b"
    assert defuse("\ud800x") == "x"
    assert defuse("") == ""


@pytest.mark.covers("G04")
def test_length_is_bounded() -> None:
    assert len(defuse("n" * 10_000)) == NAME_MAX
    assert len(defuse_text("n" * 10_000)) == TEXT_MAX
    assert defuse("n" * 100) == "n" * 100


@pytest.mark.covers("G-note", "G05")
def test_encoded_words_are_broken() -> None:
    for text in ("=?utf-8?q?=0d=0aX-Evil:_1?=", "=?x?b?QQ==?=", "=?=?=?", "=\u200b?utf-8?q?x?\u200b="):
        assert "=?" not in defuse(text)
        assert "?=" not in defuse(text)


def test_a_message_keeps_its_lines_and_no_more_than_one_blank() -> None:
    assert defuse_text("Hello\r\n\r\n\r\n\r\nyou  there\rx\n") == "Hello\n\nyou there\nx"


@given(st.text(max_size=300))
def test_whatever_is_typed_the_result_is_inert_and_visible(text: str) -> None:
    shown = defuse(text)
    assert "=?" not in shown
    assert "?=" not in shown
    visible = shown.replace(JOINER, "")
    assert len(visible) <= NAME_MAX
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in visible)
    assert "://" not in shown
    assert not LINKED[3].search(shown)


@given(st.text(alphabet="ab1.@:/ -=?()+\n\u200b", max_size=60))
def test_hostile_letters_in_any_order_make_no_link(text: str) -> None:
    assert_inert(defuse(text))
