# SPDX-License-Identifier: Apache-2.0
"""The one spelling of a JSON document: RFC 8785 for a restricted profile, so that any reader can check it.

Strings, booleans, null, whole numbers below 2^53, lists, and objects with ASCII names. No fractions: their
spelling is where canonicalisers differ. Within the profile RFC 8785 asks for nothing that ``json`` can't do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from vestibule.errors import FieldFault, InvalidRequestError

INTEGER_MAX = 2**53 - 1


def canonical(document: Mapping[str, Any]) -> str:
    """The one spelling of *document*.

    Raises:
        InvalidRequestError: it lies outside the profile.
    """
    _check(document, "")
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse_canonical(data: bytes) -> dict[str, Any]:
    """The object that *data* spells, when it spells it in the one way.

    Raises:
        InvalidRequestError: not JSON, outside the profile, a name twice, or another spelling.
    """
    try:
        document = json.loads(
            data.decode(), object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse
        )
    except (ValueError, RecursionError) as error:
        raise _fault("", "This is not a JSON document of the profile.") from error
    if not isinstance(document, dict):
        raise _fault("", "Give an object.")
    if canonical(document).encode() != data:
        raise _fault("", "This is not the canonical spelling (RFC 8785).")
    return document


def _check(value: object, pointer: str) -> None:
    if isinstance(value, Mapping):
        for name, member in value.items():
            if not isinstance(name, str) or not name.isascii():
                raise _fault(pointer, "Names of members are ASCII.")
            _check(member, f"{pointer}/{name}")
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            _check(member, f"{pointer}/{index}")
    else:
        _check_leaf(value, pointer)


def _check_leaf(value: object, pointer: str) -> None:
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise _fault(pointer, "Half a surrogate pair is no character.")
    elif isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise _fault(pointer, "Whole numbers stay below 2^53.")
    elif value is not None:
        raise _fault(pointer, "Only strings, booleans, null, whole numbers, lists and objects.")


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a name stands twice")
    return found


def _refuse(_: str) -> NoReturn:
    raise ValueError("fractions are outside the profile")


def _fault(pointer: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(FieldFault(pointer, message))
