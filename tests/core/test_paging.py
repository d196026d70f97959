# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.core.paging import LIMIT_MAX, Page, _check, make_cursor, parse_page_request
from vestibule.errors import InvalidRequestError

SCOPE = "invitations:acme:pending"


def pointer_of(limit: int | None, cursor: str | None, scope: str = SCOPE) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        parse_page_request(scope, limit, cursor)
    return caught.value.faults[0].pointer


STORED = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


@given(STORED, STORED)
def test_a_cursor_leads_back_to_where_it_was_made(first: str, second: str) -> None:
    request = parse_page_request(SCOPE, None, make_cursor(SCOPE, (first, second)))
    assert request.after == (first, second)
    assert (request.scope, request.limit) == (SCOPE, 50)


@pytest.mark.parametrize(
    "scope", ["invitations:acme:accepted", "invitations:other:pending", "members:acme", ""]
)
def test_a_cursor_of_another_list_tenant_or_filter_is_refused(scope: str) -> None:
    assert pointer_of(None, make_cursor(SCOPE, ("a", "b")), scope) == "/cursor"


def test_a_cursor_with_any_character_changed_is_refused() -> None:
    cursor = make_cursor(SCOPE, ("2026-01-15", "invitation-1"))
    for place in range(len(cursor) - 1):
        other = "A" if cursor[place] != "A" else "B"
        assert pointer_of(None, cursor[:place] + other + cursor[place + 1 :]) == "/cursor"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!",
        "\u00e9",
        "A" * 1025,
        make_cursor(SCOPE, ("only",)),
        base64.b64encode(b"[]" * 20).decode(),
    ],
)
def test_what_was_never_a_cursor_is_refused(cursor: str) -> None:
    assert pointer_of(None, cursor) == "/cursor"


@pytest.mark.parametrize("limit", [0, -1, LIMIT_MAX + 1, 10**12])
def test_a_limit_out_of_bounds_is_refused(limit: int) -> None:
    assert pointer_of(limit, None) == "/limit"
    assert [parse_page_request(SCOPE, size, None).limit for size in (1, LIMIT_MAX)] == [1, LIMIT_MAX]


def test_mapping_a_page_keeps_its_cursor() -> None:
    assert Page(items=[1, 2], next_cursor="x").map(str) == Page(items=["1", "2"], next_cursor="x")


@pytest.mark.parametrize("payload", [b"[1,2]", b'{"a":"b"}', b"null", b"[", b"\xff"])
def test_a_cursor_that_somebody_put_together_still_has_to_be_two_texts(payload: bytes) -> None:
    cursor = base64.urlsafe_b64encode(_check(SCOPE, payload) + payload).decode().rstrip("=")
    assert pointer_of(None, cursor) == "/cursor"


@pytest.mark.parametrize("part", ["a\0b", "\ud800", "\0"])
def test_a_cursor_that_holds_what_no_database_stores_is_refused(part: str) -> None:
    cursor = make_cursor("list", ("2026-01-01T00:00:00+00:00", part))
    with pytest.raises(InvalidRequestError):
        parse_page_request("list", None, cursor)
