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
    """*bytes_max* of a document, sent or kept; *values_max* of one attribute, or said by one PATCH."""

    bytes_max: int
    values_max: int


USER_BOUNDS = Bounds(32 * 1024, 50)
GROUP_BOUNDS = Bounds(64 * 1024, 1000)


def check_said(body: Mapping[str, Any], bounds: Bounds) -> None:
    """No attribute of a POST or PUT has too many values.

    Raises:
        InvalidRequestError: one has.
    """
    for name, values in _list_values(body):
        if len(values) > bounds.values_max:
            raise _refuse(f"/{name}", bounds)


def check_operations(body: Mapping[str, Any], bounds: Bounds) -> None:
    """A PATCH neither does too many things nor says too many values in all.

    Raises:
        InvalidRequestError: it does.
    """
    # The names of SCIM have no case.
    given = [one for name, one in body.items() if name.casefold() == "operations" and isinstance(one, list)]
    operations = [one for some in given for one in some]
    if len(operations) > _OPERATIONS_MAX:
        raise InvalidRequestError(FieldFault("/Operations", f"Give at most {_OPERATIONS_MAX} operations."))
    said = sum(len(values) for one in operations if isinstance(one, dict) for _, values in _list_values(one))
    if said > bounds.values_max:
        raise _refuse("/Operations", bounds)


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
