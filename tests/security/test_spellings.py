# SPDX-License-Identifier: Apache-2.0
"""One spelling for every reader: what is logged, and who can be named."""

from __future__ import annotations

import pytest

from tests.web.harness import World, person
from vestibule.core.token import mint_claim_token
from vestibule.log import redact


@pytest.mark.covers("B05", "OBS-04")
@pytest.mark.parametrize("before", ["%2Fi%2F", "x", "_", "token=", "/i/"])
def test_a_token_is_redacted_whatever_stands_before_it(before: str) -> None:
    token = mint_claim_token().reveal()
    assert token not in redact(f"GET {before}{token} failed")


@pytest.mark.covers("LIF-03")
def test_nobody_signs_in_under_a_name_that_no_path_can_offboard(world: World) -> None:
    odd = person(world.fresh("ali\ufffdce"), "alice@example.com")
    assert world.call("GET", "/v1/me/invitations", odd).status_code == 401
