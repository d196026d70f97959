# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.core.limits import GLOBAL_SHARDS, LIMIT_NAMES, Limit, Limits, hit, hit_global, parse_limit


@pytest.mark.covers("ISS-16")
@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_limit_is_read_back_from_its_text(count: int, seconds: int) -> None:
    assert parse_limit(f"{count}/{seconds}") == parse_limit(f" {count} / {seconds} ") == Limit(count, seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "5/", "/5", "0/5", "5/0", "-1/5", "1.5/2", "a/b", "5/5/5", "\u00b2/5", "\u0663/5"]
)
def test_what_is_not_count_and_seconds_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"count"):
        parse_limit(text)


@pytest.mark.covers("ISS-16", "ACC-08")
@pytest.mark.parametrize("name", LIMIT_NAMES)
def test_every_limit_has_a_positive_default(name: str) -> None:
    limit = getattr(Limits(), name)
    assert isinstance(limit, Limit)
    assert min(limit.count, limit.seconds) >= 1


def test_the_interval_refills_the_window_evenly() -> None:
    limit = Limit(20, 600)
    assert (limit.interval_ms, limit.window_ms) == (30_000, 600_000)


def test_a_subject_is_stored_only_as_a_digest_that_depends_on_purpose_and_subject() -> None:
    limit = Limit(1, 60)
    keys = {
        hit(purpose, subject, limit).key for purpose in ("claim", "preview") for subject in ("192.0.2.1", "b")
    }
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert hit("claim", "b", limit).key == hit("claim", "b", limit).key
    assert hit("a", "b\0c", limit).key != hit("a\0b", "", limit).key
    assert hit("claim", "\ud800", limit).key


@pytest.mark.covers("ACC-08")
def test_a_global_limit_is_spread_over_shards_that_add_up_to_it() -> None:
    limit = Limit(60_000, 600)
    hits = [hit_global("claim", limit, f"192.0.2.{n}") for n in range(256)]
    assert len({one.key for one in hits}) == GLOBAL_SHARDS
    assert {one.limit for one in hits} == {Limit(60_000 // GLOBAL_SHARDS, 600)}
    assert hit_global("claim", Limit(1, 60), "x").limit.count == 1
