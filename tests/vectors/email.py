# SPDX-License-Identifier: Apache-2.0
"""Vectors of the email key. Each row: what was given, then the key or ``!`` and the reason of the refusal,
by ``parse_input``, by ``parse_input`` with SMTPUTF8 and by ``parse_claim`` with SMTPUTF8; ``=`` repeats
what stands on the left."""

from __future__ import annotations

from typing import NamedTuple


class Vector(NamedTuple):
    raw: str
    typed: str
    international: str = "="
    claimed: str = "="


_INTO_ASCII = ("!local_not_ascii", "!local_maps_to_ascii")
_ROWS = (
    Vector("Alice@Example.COM", "alice@example.com"),
    Vector(" alice@example.com\n", "alice@example.com", "=", "!control_or_space"),
    Vector("alice+team@example.com", "alice+team@example.com"),
    Vector("a.l.i.c.e@gmail.com", "a.l.i.c.e@gmail.com"),
    Vector('"alice"@example.com', "!local_syntax"),
    Vector('"a@b"@example.com', "!at_sign"),
    Vector("alice@example.com.", "!domain_trailing_dot"),
    Vector("alice@[127.0.0.1]", "!domain_literal"),
    Vector("alice@localhost", "!domain_form"),
    Vector("alice@1.2.3.4", "!domain_form"),
    Vector("m\u0131ke@example.org", *_INTO_ASCII),
    Vector("alice@g\u0131thub.com", "alice@xn--gthub-n4a.com"),
    Vector("\u212aate@example.com", *_INTO_ASCII),
    Vector("\ufb01sh@example.com", *_INTO_ASCII),
    Vector("\uff41lice@example.com", *_INTO_ASCII),
    Vector("stra\u00dfe@example.com", *_INTO_ASCII),
    Vector("\u0130stanbul@example.com", *_INTO_ASCII),
    Vector("al\u200bice@example.com", "!control_or_space"),
    Vector("al\u00adice@example.com", "!control_or_space"),
    Vector("al\u200fice@example.com", "!control_or_space"),
    Vector("al\x00ice@example.com", "!control_or_space"),
    Vector("alice@exam\u200bple.com", "!control_or_space"),
    Vector("alice@exam\u00adple.com", "!control_or_space"),
    Vector("alice@\u200fexample.com", "!control_or_space"),
    Vector("alice@example.com\x00", "!control_or_space"),
    Vector("alice@fa\u00df.de", "alice@xn--fa-hia.de"),
    Vector("alice@fass.de", "alice@fass.de"),
    Vector("alice@FA\u1e9e.de", "alice@xn--fa-hia.de", "=", "!domain_not_canonical"),
    Vector("alice@b\u00fccher.example", "alice@xn--bcher-kva.example"),
    Vector("alice@XN--BCHER-KVA.example", "alice@xn--bcher-kva.example"),
    Vector("alice@BU\u0308CHER.example", "alice@xn--bcher-kva.example", "=", "!domain_not_canonical"),
    Vector("alice@\u0430pple.com", "alice@xn--pple-43d.com"),
    Vector("jos\u00e9@example.com", "!local_not_ascii", "jos\u00e9@example.com"),
    Vector("jose\u0301@example.com", "!local_not_ascii", "jos\u00e9@example.com"),
    Vector("JOS\u00c9@example.com", "!local_not_ascii", "jos\u00e9@example.com"),
    Vector("\u00e5@example.com", "!local_not_ascii", "\u00e5@example.com"),
    Vector("\u212b@example.com", "!local_not_ascii", "\u00e5@example.com"),
    Vector("\u4f8b@\u4f8b.\u516c\u53f8", "!local_not_ascii", "\u4f8b@xn--fsq.xn--55qx5d"),
    Vector("alice@example\u3002com", "alice@example.com", "=", "!domain_not_canonical"),
    Vector("alice@ex\u2024ample.com", "!domain_idna", "=", "!domain_not_canonical"),
    Vector("alice@\u2105.com", "!domain_idna", "=", "!domain_not_canonical"),
    Vector("a..b@example.com", "!local_syntax"),
    Vector(".a@example.com", "!local_syntax"),
    Vector("a" * 65 + "@example.com", "!local_length"),
    Vector("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    Vector("alice@@example.com", "!at_sign"),
    Vector("alice(c)@example.com", "!local_syntax"),
    Vector("a,b@example.com", "!local_syntax"),
    Vector("alice @example.com", "!control_or_space"),
    Vector("x@a.com,y@b.com", "!at_sign"),
    Vector("alice@-x.com", "!domain_idna"),
    Vector("alice@x_y.com", "!domain_idna"),
    Vector("=?x?q?=41=42collab=40psres.net=3e=20?=@example.com", "!encoded_word"),
    Vector("\uff8a@example.com", "!local_not_ascii", "!local_compat"),
    Vector("\u00e9..b@example.com", "!local_not_ascii", "!local_syntax"),
    Vector("", "!at_sign"),
    Vector("@example.com", "!local_syntax"),
    Vector("alice@", "!domain_idna"),
    Vector("a" * 320 + "@example.com", "!type_or_length"),
)


def _fill(row: Vector) -> Vector:
    international = row.typed if row.international == "=" else row.international
    return Vector(row.raw, row.typed, international, international if row.claimed == "=" else row.claimed)


VECTORS = tuple(map(_fill, _ROWS))
