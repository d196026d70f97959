# SPDX-License-Identifier: Apache-2.0
"""How much a directory may say at once, and how much is kept of it: what a resource costs is bounded before
anybody works on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vestibule.errors import FieldFault, InvalidRequestError

_OPERATIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """*bytes_max* of a document, sent or kept; *values_max* of one attribute, or said by one PATCH; and how
    many kept values the filters of one PATCH may be compared with.
    """

    bytes_max: int
    values_max: int
    comparisons_max: int


# Comparing with an address costs about a millisecond, with a member of a group a tenth of that.
USER_BOUNDS = Bounds(32 * 1024, 50, 500)
GROUP_BOUNDS = Bounds(64 * 1024, 1000, 20_000)


def check_said(body: Mapping[str, Any], bounds: Bounds) -> None:
    """No attribute of a POST or PUT has too many values.

    Raises:
        InvalidRequestError: one has.
    """
    for name, values in _list_values(body):
        if len(values) > bounds.values_max:
            raise _refuse(f"/{name}", bounds)


def check_operations(body: Mapping[str, Any], kept: Mapping[str, Any], bounds: Bounds) -> None:
    """A PATCH does few things, says few values, and searches through few that are *kept*.

    Raises:
        InvalidRequestError: it does.
    """
    # The names of SCIM have no case.
    given = [
        some for name, some in body.items() if name.casefold() == "operations" and isinstance(some, list)
    ]
    operations = [_fold(one) for some in given for one in some if isinstance(one, dict)]
    if len(operations) > _OPERATIONS_MAX:
        raise InvalidRequestError(FieldFault("/Operations", f"Give at most {_OPERATIONS_MAX} operations."))
    said = sum(_count_values(one) for one in operations)
    if said > bounds.values_max:
        raise _refuse("/Operations", bounds)
    longest = max((len(values) for _, values in _list_values(kept)), default=0) + said
    if sum(_count_searches(one) for one in operations) * longest > bounds.comparisons_max:
        raise InvalidRequestError(FieldFault("/Operations", "Give fewer operations with filters at once."))


def _fold(operation: Mapping[str, Any]) -> dict[str, Any]:
    return {name.casefold(): value for name, value in operation.items()}


def _count_values(operation: Mapping[str, Any]) -> int:
    return sum(len(values) for _, values in _list_values(operation))


def _count_searches(operation: Mapping[str, Any]) -> int:
    """How often what is kept is gone through: for a filter, and for each value that is to be removed."""
    is_removal = str(operation.get("op")).casefold() == "remove"
    has_filter = "[" in str(operation.get("path"))
    return (_count_values(operation) if is_removal else 0) + has_filter


def check_kept(document: Mapping[str, Any], text: str, bounds: Bounds) -> None:
    """What would be kept is no more than may be said.

    Raises:
        InvalidRequestError: it is.
    """
    check_said(document, bounds)
    if len(text.encode()) > bounds.bytes_max:
        raise InvalidRequestError(FieldFault("/", f"Keep a resource below {bounds.bytes_max} bytes."))


def _list_values(said: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Every list in it, with the name of its attribute, at whatever depth."""
    for name, value in said.items():
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, list):
                yield name, one
            if isinstance(one, dict | list):
                waiting.extend(one.values() if isinstance(one, dict) else one)


def _refuse(pointer: str, bounds: Bounds) -> InvalidRequestError:
    return InvalidRequestError(FieldFault(pointer, f"Give at most {bounds.values_max} values."))
