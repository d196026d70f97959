# SPDX-License-Identifier: Apache-2.0
"""The email key: one canonical form, compared byte for byte, and mail is sent to it.

Two parsers, one key (CRYPTO.md section 8): ``parse_input`` for what a person types, ``parse_claim`` for
what an identity provider asserts. No dot or plus folding, no NFKC, no casefold; whatever could fold into
ASCII is refused. Requirements ACC-03, ISS-09.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from vestibule.errors import EmailInvalidError, FieldFault

MAX_LENGTH = 320
LOCAL_MAX = 64
UNKEPT_DOMAIN = "unknown.invalid"
UNKEPT_HINT = "an address that is not kept"
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_LOWER_ASCII = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_WIDE_DOTS = "\u3002\uff0e\uff61"


class AddressFaultError(EmailInvalidError):
    """The text is not an address; ``why`` is a stable word for tests and metrics."""

    def __init__(self, why: str) -> None:
        super().__init__(FieldFault("/email", "Give one plain address such as name@example.com."))
        self.why = why


@dataclass(frozen=True, slots=True, repr=False)
class EmailAddress:
    """A canonical address. Equality is byte equality of ``key``; ``repr`` and ``str`` are masked."""

    key: str

    @classmethod
    def parse_input(cls, raw: object, *, smtputf8: bool = False) -> EmailAddress:
        """Make an address from what a person typed.

        Raises:
            AddressFaultError: it is not one plain address.
        """
        return cls(_parse(raw, claim=False, smtputf8=smtputf8))

    @classmethod
    def parse_claim(cls, raw: object, *, smtputf8: bool = False) -> EmailAddress:
        """Make an address from what an identity provider asserted: nothing is trimmed or mapped.

        Raises:
            AddressFaultError: it is not one plain canonical address.
        """
        return cls(_parse(raw, claim=True, smtputf8=smtputf8))

    @property
    def local(self) -> str:
        return self.key.rpartition("@")[0]

    @property
    def domain(self) -> str:
        return self.key.rpartition("@")[2]

    @property
    def is_kept(self) -> bool:
        """Not where only its index is known (``core.privacy.name_unkept``); nobody can type such a one."""
        return not (self.domain == UNKEPT_DOMAIN and len(self.local) > LOCAL_MAX)

    @property
    def shown(self) -> str | None:
        """The address, for whoever may see it; None where it is not kept."""
        return self.key if self.is_kept else None

    @property
    def masked(self) -> str:
        """The hint that a holder of the link may see: first character and domain."""
        if not self.is_kept:
            return UNKEPT_HINT
        return f"{self.key[0]}***@{self.domain}"

    def is_within(self, domains: frozenset[str]) -> bool:
        """Whole labels only: never a suffix, never a substring (ISS-09)."""
        return self.domain in domains

    def __repr__(self) -> str:
        return f"<EmailAddress {self.masked}>"

    __str__ = __repr__


def parse_domain(raw: object) -> str:
    """Return the A-label form of a domain that a person typed.

    Raises:
        AddressFaultError: it is not a domain with at least two labels.
    """
    if not isinstance(raw, str) or len(raw) > MAX_LENGTH:
        raise AddressFaultError("type_or_length")
    text = raw.strip(" \t\r\n")
    _check_characters(text)
    return _domain(text, claim=False)


def _parse(raw: object, *, claim: bool, smtputf8: bool) -> str:
    if not isinstance(raw, str) or len(raw) > MAX_LENGTH:
        raise AddressFaultError("type_or_length")
    text = raw if claim else raw.strip(" \t\r\n")
    _check_characters(text)
    if text.count("@") != 1:
        raise AddressFaultError("at_sign")
    local, domain = text.split("@")
    return f"{_local(local, smtputf8=smtputf8)}@{_domain(domain, claim=claim)}"


def _check_characters(text: str) -> None:
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text):
        raise AddressFaultError("control_or_space")


def _local(text: str, *, smtputf8: bool) -> str:
    if "=?" in text or "?=" in text:
        raise AddressFaultError("encoded_word")
    if text.isascii():
        if not _DOT_ATOM.fullmatch(text):
            raise AddressFaultError("local_syntax")
        local = text.translate(_LOWER_ASCII)
    else:
        if not smtputf8:
            raise AddressFaultError("local_not_ascii")
        local = _international_local(text)
    if len(local.encode()) > LOCAL_MAX:
        raise AddressFaultError("local_length")
    return local


def _international_local(text: str) -> str:
    # Before NFC: NFC itself maps U+212A and U+1FEF to ASCII.
    for character in text:
        if not character.isascii() and _could_become_ascii(character):
            raise AddressFaultError("local_maps_to_ascii")
    composed = unicodedata.normalize("NFC", text)
    if unicodedata.normalize("NFKC", composed) != composed:
        raise AddressFaultError("local_compat")
    lowered = "".join(c.translate(_LOWER_ASCII) if c.isascii() else c.lower() for c in composed)
    local = unicodedata.normalize("NFC", lowered)
    if not _DOT_ATOM.fullmatch("".join(c if c.isascii() else "a" for c in local)):
        raise AddressFaultError("local_syntax")
    return local


def _could_become_ascii(character: str) -> bool:
    forms = (
        unicodedata.normalize("NFKC", character),
        character.lower(),
        character.upper(),
        character.casefold(),
        unicodedata.normalize("NFKC", character.casefold()),
    )
    return any(part.isascii() for form in forms for part in form)


@lru_cache(maxsize=4096)
def _domain(text: str, *, claim: bool) -> str:
    if text.startswith("["):
        raise AddressFaultError("domain_literal")
    if text.endswith("."):
        raise AddressFaultError("domain_trailing_dot")
    try:
        label_form = _to_a_labels(text)
        if _to_a_labels(idna.decode(label_form)) != label_form:
            raise AddressFaultError("domain_alabel")
        if claim and not text.isascii() and not _is_strict_idna(text, label_form):
            raise AddressFaultError("domain_not_canonical")
    except (idna.IDNAError, UnicodeError):
        why = "domain_not_canonical" if claim and not text.isascii() else "domain_idna"
        raise AddressFaultError(why) from None
    if "." not in label_form or label_form.rsplit(".", 1)[1].isdigit() or len(label_form) > 253:
        raise AddressFaultError("domain_form")
    return label_form


def _to_a_labels(text: str) -> str:
    return idna.encode(text, uts46=True, transitional=False, std3_rules=True).decode("ascii")


def _is_strict_idna(text: str, label_form: str) -> bool:
    if any(dot in text for dot in _WIDE_DOTS):
        return False
    return idna.encode(text).decode("ascii") == label_form
