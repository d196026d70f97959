# SPDX-License-Identifier: Apache-2.0
"""``vestibule audit seal``: by hand what workers do by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

pytestmark = pytest.mark.covers("AUD-03", "INT-05")


def test_everything_is_sealed_and_signed_where_there_is_a_key(
    run: Run, deployed: dict[str, str], tmp_path: Path
) -> None:
    told = run("audit", "seal", settings=deployed)
    assert told.status == 0
    assert "0 wait" in told.out
    assert "VESTIBULE_KEYRING is not set" in told.out
    ring = {**deployed, "KEYRING": str(tmp_path / "ring"), "KEYRING_SECRET": "of-the-tests-" * 4}
    assert run("keys", "create", settings=ring).status == 0
    sealed = run("audit", "seal", "--json", settings=ring).document
    assert (sealed["waiting"], sealed["signed"]) == (0, True)
    assert sealed["sealed"] >= 1
    again = run("audit", "seal", "--json", settings=ring).document
    assert again == {"sealed": 0, "waiting": 0, "signed": True}
