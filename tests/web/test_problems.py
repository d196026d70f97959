# SPDX-License-Identifier: Apache-2.0
"""The one table from error to problem is complete, and every row can be rendered."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest

import vestibule
from vestibule import errors
from vestibule.errors import FieldFault, RejectReason, VestibuleError
from vestibule.web.problems import TABLE, find_problem, render_problem

# Classes that are never raised themselves: their children have the rows.
ABSTRACT = {errors.VestibuleError, errors.IssueRefusedError}
# Refinements that are decided to look like an ancestor.
LIKE_THEIR_PARENT = {
    "AddressFaultError": errors.EmailInvalidError,
    "ProviderDownError": errors.KeyProviderError,
    "_RefusedError": errors.KeyProviderError,
}


def _tree(root: type[VestibuleError]) -> Iterator[type[VestibuleError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def _every_error() -> list[type[VestibuleError]]:
    for module in pkgutil.walk_packages(vestibule.__path__, "vestibule."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    return sorted(
        {kind for kind in _tree(VestibuleError) if kind.__module__.startswith("vestibule.")}, key=str
    )


def _make(kind: type[VestibuleError]) -> VestibuleError:
    if issubclass(kind, errors.ClaimRejectedError):
        return kind(RejectReason.UNKNOWN)
    if issubclass(kind, errors.RateLimitedError):
        return kind(7, limit=3)
    if issubclass(kind, errors.InvalidRequestError):
        return kind(FieldFault("/field", "Why."))
    if issubclass(kind, errors.ConnectionRequiredError | errors.ProviderError | errors.KeyProviderError):
        return kind("corp-sso")
    return kind()


def test_every_error_has_a_row_of_its_own_or_one_decided_ancestor() -> None:
    missing = []
    for kind in _every_error():
        if kind in TABLE or kind in ABSTRACT:
            continue
        parent = LIKE_THEIR_PARENT.get(kind.__name__)
        if parent is None or parent not in kind.__mro__ or parent not in TABLE:
            missing.append(kind.__name__)
    assert missing == []


def test_no_row_stands_for_what_is_never_raised() -> None:
    assert not ABSTRACT & set(TABLE)
    assert set(TABLE) <= set(_every_error())


def test_a_row_is_as_specific_as_its_class() -> None:
    for kind, row in TABLE.items():
        assert find_problem(_make(kind)) is row


@pytest.mark.parametrize("kind", list(TABLE), ids=lambda kind: kind.__name__)
def test_every_row_renders_to_a_problem_with_its_code(kind: type[VestibuleError]) -> None:
    status, body, headers = render_problem(_make(kind), "request-1")
    told = json.loads(body)
    assert told["code"] == kind.code
    assert (told["status"], told["request_id"], told["type"]) == (status, "request-1", "about:blank")
    assert 400 <= status < 600
    assert all(name == name.lower() and isinstance(value, bytes) for name, value in headers)


@pytest.mark.covers("N01", "ACC-07")
@pytest.mark.parametrize("reason", RejectReason)
def test_the_refusal_is_one_document_whatever_its_reason(reason: RejectReason) -> None:
    status, body, headers = render_problem(errors.ClaimRejectedError(reason), "r")
    assert (status, headers) == (404, [])
    assert json.loads(body) == {
        "type": "about:blank",
        "title": "This invitation is invalid or no longer valid.",
        "status": 404,
        "code": "invitation_unavailable",
        "request_id": "r",
    }
