# SPDX-License-Identifier: Apache-2.0
"""Make foreign text safe to show in a mail: what others typed stays words and never becomes a link.

Tenants, people and roles are named by strangers, and our mails carry our good name (G01, G04, G14, G17,
G-note). After ``defuse`` a text has

* no control, bidirectional, zero-width or unassigned characters, and (names) no line breaks;
* no encoded-word marks, which Python's ``email`` would decode into a header;
* nothing that a mail client turns into a link by itself: dots inside words, ``@``, slashes, the colon
  after a scheme, and digits of telephone length are held apart by U+2060 WORD JOINER, which is not seen.

The result is still plain text: whoever puts it into HTML escapes it.
"""

from __future__ import annotations

import re
import unicodedata

NAME_MAX = 100
TEXT_MAX = 1000
_JOINER = "\u2060"
_ELLIPSIS = "\u2026"
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES = frozenset({"Zs", "Zl", "Zp"})
# The look-alikes too: UTS 46 reads them as dots, so clients link them.
_DOT = re.compile(r"(?<=\S)([.\u2024\u3002\uff0e\uff61])(?=\S)")
_SIGN = re.compile(r"([@\uff20/\\\uff0f]|(?<=[^\W\d])[:\uff1a](?=\S))")
_ENCODED_WORD = re.compile(r"=(?=\?)|\?(?==)")
# At least seven digits, as a person writes a telephone number.
_NUMBER = re.compile(r"\+?\d(?:[ ()/.\u2060-]{0,6}\d){6,}")
_DIGIT = re.compile(r"(\d)")
_BLANK_LINES = re.compile(r"\n{3,}")


def defuse(text: str) -> str:
    """One line of at most 100 characters (joiners not counted) to show as somebody's words."""
    line = " ".join(_visible(text).split())
    return _hold_apart(_cut(line, NAME_MAX))


def defuse_text(text: str) -> str:
    """Some lines of at most 1000 characters (joiners not counted) to show as somebody's words."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    joined = "\n".join(" ".join(_visible(line).split()) for line in lines)
    return _hold_apart(_cut(_BLANK_LINES.sub("\n\n", joined).strip(), TEXT_MAX))


def _visible(text: str) -> str:
    kept: list[str] = []
    for character in text:
        category = unicodedata.category(character)
        if category in _SPACES or character in "\t\n\r\x0b\x0c\x85":
            kept.append(" ")
        elif category not in _REFUSED:
            kept.append(character)
    return "".join(kept)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + _ELLIPSIS


def _hold_apart(text: str) -> str:
    text = _ENCODED_WORD.sub(lambda match: match.group() + _JOINER, text)
    text = _DOT.sub(rf"{_JOINER}\1{_JOINER}", text)
    text = _SIGN.sub(rf"{_JOINER}\1{_JOINER}", text)
    return _NUMBER.sub(lambda match: _DIGIT.sub(rf"\1{_JOINER}", match.group()), text)
