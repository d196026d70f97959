# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "traceability.py"


@pytest.fixture(scope="module")
def traceability() -> ModuleType:
    spec = importlib.util.spec_from_file_location("traceability", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_table_is_what_the_tests_say() -> None:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_marks_on_test_class_and_module_and_ids_in_names_all_count(
    traceability: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "test_sample.py").write_text(
        "pytestmark = [pytest.mark.covers('ACC-01')]\n"
        "@pytest.mark.covers('TOK-02', 'B09')\n"
        "def test_A15_and_B06_in_a_name(): ...\n"
        "@pytest.mark.covers('LIF-01')\n"
        "class TestStates:\n"
        "    async def test_one(self): ...\n"
        "def helper(): ...\n"
    )
    first, second = "test_sample.py::test_A15_and_B06_in_a_name", "test_sample.py::TestStates::test_one"
    assert traceability.collect(tmp_path) == {
        "A15": [first],
        "ACC-01": [first, second],
        "B06": [first],
        "B09": [first],
        "TOK-02": [first],
        "LIF-01": [second],
    }


def test_an_unknown_id_is_an_error_that_names_the_test(traceability: ModuleType) -> None:
    with pytest.raises(traceability.UnknownIdError, match=r"Z99 \(test_x\.py::test_y\)"):
        traceability.render({"Z99": ["test_x.py::test_y"]}, [("Cases", {"A01": "Accept"})])


def test_what_nobody_covers_has_a_dash(traceability: ModuleType) -> None:
    document = traceability.render({"A01": ["t.py::test_a"]}, [("Cases", {"A01": "One", "A02": "Two"})])
    assert "| A01 | One | `t.py::test_a` |" in document
    assert "| A02 | Two | - |" in document
    assert "1 of 2 have a test." in document
