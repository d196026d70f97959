# SPDX-License-Identifier: Apache-2.0
"""A policy as it is typed into a form, TOML or JSON: its document, or faults with their places."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from vestibule.core.policy.toml import parse_policy_file
from vestibule.errors import FieldFault, InvalidRequestError

_LINE = "line"


def read_policy_text(text: str, base: str) -> dict[str, Any]:
    """The document in *text*, to lie over the stored *base*. A text in braces is JSON, any other TOML.

    Raises:
        InvalidRequestError: it can't be read; of TOML also what is impossible, with lines.
    """
    plain = text.replace("\r\n", "\n").strip("\ufeff")
    try:
        return (
            _read_json(plain)
            if plain.lstrip().startswith("{")
            else parse_policy_file(plain, _LINE, base=base)
        )
    except (RecursionError, ValueError):
        # Numbers of thousands of digits, arrays a thousand deep: nobody's policy.
        raise InvalidRequestError(FieldFault("/policy", "This can't be read as a policy.")) from None


def describe_faults(faults: Iterable[FieldFault]) -> list[dict[str, str]]:
    """Where each fault is and what to do about it."""
    return [{"place": _place(fault.pointer), "told": fault.message} for fault in faults]


def describe_pointer(pointer: str) -> str:
    """A place in a document as people write it: ``roles.admin.approvals``."""
    return pointer.removeprefix("/policy").strip("/").replace("/", ".")


def _read_json(text: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        told = f"Not JSON: {error.msg} in column {error.colno}."
        raise InvalidRequestError(FieldFault(f"{_LINE}:{error.lineno}", told)) from None
    return document


def _place(pointer: str) -> str:
    if pointer.startswith(_LINE + ":"):
        return "Line " + pointer.removeprefix(_LINE + ":")
    return describe_pointer(pointer) or "The document"
