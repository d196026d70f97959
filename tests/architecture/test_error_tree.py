# SPDX-License-Identifier: Apache-2.0
"""The one tree of exceptions: every class has a name that says so, a sentence, and a code of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from vestibule import errors
from vestibule.core import email as _email  # noqa: F401 - defines a subclass
from vestibule.errors import ClaimRejectedError, FieldFault, InvalidRequestError, RejectReason, VestibuleError


def _tree(root: type[VestibuleError] = VestibuleError) -> Iterator[type[VestibuleError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


PUBLIC = [kind for kind in _tree() if kind.__module__ == "vestibule.errors"]


def test_every_code_is_lower_snake_and_stands_for_one_class() -> None:
    counted = Counter(kind.code for kind in PUBLIC)
    assert [code for code, count in counted.items() if count > 1] == []
    assert [code for code in counted if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)] == []


def test_a_refinement_elsewhere_keeps_the_code_of_its_parent() -> None:
    elsewhere = [kind for kind in _tree() if kind not in PUBLIC and kind.__module__.startswith("vestibule.")]
    codes = {kind.code for kind in PUBLIC}
    assert [kind.__name__ for kind in elsewhere if kind.code not in codes] == []


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.__name__)
def test_the_name_ends_in_error_and_the_docstring_is_one_sentence(kind: type[VestibuleError]) -> None:
    assert kind.__name__.endswith("Error")
    assert re.fullmatch(r"[^\n]+\.", kind.__doc__ or "")


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.__name__)
def test_the_tree_drawn_in_the_module_shows_the_class_below_its_parent(kind: type[VestibuleError]) -> None:
    lines = (errors.__doc__ or "").splitlines()
    drawn = {line.split()[0]: len(line) - len(line.lstrip()) for line in lines if line.strip()}
    assert kind.__name__ in drawn
    parent = kind.__bases__[0]
    if parent is not Exception:
        assert drawn[kind.__name__] == drawn[parent.__name__] + 2


def test_the_docstring_is_the_default_message() -> None:
    assert str(errors.LastOwnerError()) == (errors.LastOwnerError.__doc__ or "").strip()
    assert str(errors.NotPermittedError("No.")) == "No."


@pytest.mark.covers("ACC-07")
@pytest.mark.parametrize("reason", RejectReason)
def test_a_refusal_looks_the_same_whatever_its_private_reason(reason: RejectReason) -> None:
    refusal = ClaimRejectedError(reason)
    assert refusal.reason is reason
    assert (str(refusal), repr(refusal), refusal.args) == (
        "This invitation is invalid or no longer valid.",
        "ClaimRejectedError()",
        ("This invitation is invalid or no longer valid.",),
    )


def test_an_invalid_request_carries_each_fault_and_the_first_as_its_message() -> None:
    faults = (FieldFault("/email", "Give one."), FieldFault("/role", "Unknown."))
    refusal = InvalidRequestError(*faults)
    assert refusal.faults == faults
    assert str(refusal) == "Give one."


def test_a_rate_limit_never_says_to_try_again_at_once() -> None:
    assert errors.RateLimitedError(0).retry_after == 1
    assert errors.TooSoonError(299).retry_after == 299


def test_a_configuration_error_names_the_setting_the_problem_and_the_remedy() -> None:
    fault = errors.ConfigurationError(
        "PUBLIC_URL", "is missing", "Set it to the https address of this service."
    )
    assert str(fault) == "PUBLIC_URL: is missing. Set it to the https address of this service."
    assert not isinstance(fault, VestibuleError)
