# SPDX-License-Identifier: Apache-2.0
"""Passwords and codes of local accounts."""

from __future__ import annotations

import time

import pytest

from vestibule.core.email import EmailAddress
from vestibule.errors import InvalidRequestError
from vestibule.identity.passwords import (
    check_password_strength,
    hash_code,
    hash_password,
    verify_code,
    verify_password,
)

GOOD = "a lamp in the hall"
ADDRESS = EmailAddress("verona.longname@acme.com")


@pytest.mark.covers("INT-04")
def test_a_password_matches_its_own_hash_and_no_other_does() -> None:
    stored = hash_password(GOOD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert GOOD not in stored
    assert hash_password(GOOD) != stored
    assert verify_password(stored, GOOD)
    for wrong in ("", GOOD.upper(), GOOD + " ", GOOD[:-1], GOOD + "\0", "\ud800", "x" * 100_000):
        assert not verify_password(stored, wrong)


def test_a_password_is_the_same_from_every_keyboard() -> None:
    stored = hash_password("cafe\u0301 au lait au lit")
    assert verify_password(stored, "caf\u00e9 au lait au lit")
    assert not verify_password(stored, "cafe au lait au lit")


def test_what_is_longer_than_a_password_can_be_never_matches_its_beginning() -> None:
    longest = "abcdefgh" * 16
    stored = hash_password(longest)
    assert verify_password(stored, longest)
    assert not verify_password(stored, longest + "x")


@pytest.mark.covers("N03")
def test_nobody_is_refused_as_slowly_as_somebody() -> None:
    stored = hash_password(GOOD)

    def fastest(value: str | None) -> float:
        times = []
        for _ in range(5):
            started = time.perf_counter()
            assert not verify_password(value, "not the password")
            times.append(time.perf_counter() - started)
        return min(times)

    # Not a timing proof, which is elsewhere: it fails if the absent account skips the work.
    assert fastest(None) > fastest(stored) / 4


def test_a_damaged_hash_matches_nothing() -> None:
    assert verify_password(hash_password(GOOD), GOOD)
    for damaged in ("", "x", "$argon2id$", GOOD):
        assert not verify_password(damaged, GOOD)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "elevenchars",
        "x" * 129,
        "a lamp in\x00the hall",
        "a lamp in the \ud800",
        "aaaaaaaaaaaaaaaa",
        "abababababab",
        "Password1234",
        "QWERTYUIOP12",
        "verona.longname@acme.com",
        "Verona.LongName",
    ],
    ids=repr,
)
def test_a_weak_password_is_refused_with_a_pointer_and_without_itself(text: str) -> None:
    for good in (GOOD, "x1y2z3" * 2, "äöüßéèñçåøæþ", "b1c2d3e4" * 16):
        check_password_strength(good, address=ADDRESS)
    with pytest.raises(InvalidRequestError) as caught:
        check_password_strength(text, address=ADDRESS)
    assert [fault.pointer for fault in caught.value.faults] == ["/password"]
    if text:
        assert text not in str(caught.value)


@pytest.mark.covers("ACC-04")
def test_a_code_matches_as_it_is_shown_and_typed() -> None:
    stored = hash_code("12345678")
    assert stored.startswith("$argon2id$")
    assert "12345678" not in stored
    for typed in ("12345678", "1234 5678", " 1234-5678 "):
        assert verify_code(stored, typed)
    for wrong in ("12345679", "1234567", "123456789", "", "١٢٣٤٥٦٧٨", "\ud800", "1" * 10_000):
        assert not verify_code(stored, wrong)
    assert not verify_code(None, "12345678")
