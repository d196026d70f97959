# SPDX-License-Identifier: Apache-2.0
"""What people may call themselves, their tenants and their messages: text that can't pretend to be ours.

Control, bidirectional and zero-width characters and encoded words are refused, not repaired (ATTACKS G03,
G14, G-note); letters of every language are welcome.
"""

from __future__ import annotations

import unicodedata

from vestibule.errors import FieldFault, InvalidRequestError

TENANT_NAME_MAX = 100
MEMBER_NAME_MAX = 200
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Joiners are part of writing in several scripts and of many emoji.
_JOINERS = frozenset("\u200c\u200d")


def check_name(pointer: str, text: str, most: int) -> None:
    """*text* is a name: 1 to *most* visible characters on one line, no space around.

    Raises:
        InvalidRequestError: it is not; the fault has *pointer*.
    """
    if not text or len(text) > most:
        raise _fault(pointer, f"Give 1 to {most} characters.")
    if text != text.strip():
        raise _fault(pointer, "Leave out the spaces around it.")
    _check_visible(pointer, text)


def clean_name(value: object, most: int) -> str | None:
    """A name from elsewhere, for showing only: what can't be seen is taken out; an empty rest is no name."""
    if not isinstance(value, str):
        return None
    seen = "".join(c for c in value[: 4 * most] if unicodedata.category(c) not in _REFUSED)
    return seen.strip()[:most].strip() or None


def check_message(pointer: str, text: str, most: int) -> None:
    """*text* is a personal message: at most *most* characters, in lines.

    Raises:
        InvalidRequestError: it is not; the fault has *pointer*.
    """
    if len(text) > most:
        raise _fault(pointer, f"Give at most {most} characters.")
    _check_visible(pointer, text.replace("\r\n", "").replace("\n", ""))


def _check_visible(pointer: str, text: str) -> None:
    if any(unicodedata.category(c) in _REFUSED and c not in _JOINERS for c in text):
        raise _fault(pointer, "Leave out control, invisible and direction characters.")
    if "=?" in text or "?=" in text:
        raise _fault(pointer, "Leave out =? and ?=.")


def _fault(pointer: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(FieldFault(pointer, message))
