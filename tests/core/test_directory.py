# SPDX-License-Identifier: Apache-2.0
"""What counts as a directory user's address."""

from __future__ import annotations

from typing import Any

import pytest

from vestibule.core.directory import check_not_barred, fold_user_name, read_addresses
from vestibule.errors import DirectoryBarredError


@pytest.mark.covers("LIF-03", "D15")
def test_every_address_of_a_user_counts_in_its_canonical_form() -> None:
    document: dict[str, Any] = {
        "userName": " Vera@Example.COM",
        "emails": [{"value": "v2@example.com", "type": "work"}, {"value": "VERA@example.com"}, {"type": "x"}],
    }
    assert read_addresses(document) == {"vera@example.com", "v2@example.com"}


@pytest.mark.parametrize(
    "document",
    [{}, {"userName": "vera"}, {"userName": 7, "emails": "x"}, {"emails": [None, {"value": "no address"}]}],
)
def test_what_is_no_address_is_left_out(document: dict[str, Any]) -> None:
    assert read_addresses(document) == frozenset()


def test_user_names_are_found_in_any_spelling() -> None:
    assert fold_user_name("Vera@Example.com") == fold_user_name("vera@example.COM")


@pytest.mark.covers("D15")
def test_a_barred_address_is_refused_and_another_is_not() -> None:
    check_not_barred(is_barred=False)
    with pytest.raises(DirectoryBarredError):
        check_not_barred(is_barred=True)
