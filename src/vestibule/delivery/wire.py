# SPDX-License-Identifier: Apache-2.0
"""How a mail is written to the wire and read back from it.

``WirePolicy`` is the standard library's SMTP policy with one mend: its folding drops spaces where a long
subject with non-ASCII letters is split into encoded words. Ours encodes the whole subject, so that nothing
stands between the words for a reader to drop (RFC 2047 sections 2 and 6.2).
"""

from __future__ import annotations

import base64
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.parser import Parser
from email.policy import EmailPolicy
from typing import Any, cast

# An encoded word has at most 75 characters: 12 around base64 of 45 bytes; the first follows "Subject: ".
_WORD_BYTES = 45
_FIRST_WORD_BYTES = 36


class WirePolicy(EmailPolicy):
    """The SMTP policy, with subjects that read back as they were written."""

    def fold(self, name: str, value: Any) -> str:
        if name.lower() == "subject" and not str(value).isascii():
            return _encode_subject(name, str(value), self.linesep)
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() == "subject" and not str(value).isascii():
            return _encode_subject(name, str(value), self.linesep).encode("ascii")
        return bytes(super().fold_binary(name, value))


_SEVEN_BIT = WirePolicy(linesep="\r\n")
_UTF8 = WirePolicy(linesep="\r\n", utf8=True)


def wire_policy(recipient_key: str) -> WirePolicy:
    """How a mail to *recipient_key* is serialised: in ASCII, unless the address itself needs UTF-8."""
    return _SEVEN_BIT if recipient_key.isascii() else _UTF8


def read_back(data: bytes, policy: WirePolicy) -> EmailMessage:
    """The mail that a recipient finds in *data*."""
    # Decoded first: BytesParser takes the UTF-8 of an international address for damage.
    return cast("EmailMessage", Parser(policy=policy).parsestr(data.decode("utf-8")))


def list_addresses(mail: EmailMessage, header: str) -> list[str]:
    """Every address in every header of that name, as a reader of the mail finds them."""
    fields = cast("list[AddressHeader]", mail.get_all(header, []))
    return [str(address.addr_spec) for field in fields for address in field.addresses]


def _encode_subject(name: str, subject: str, linesep: str) -> str:
    words: list[str] = []
    pending = b""
    for character in subject:
        data = character.encode("utf-8")
        if len(pending) + len(data) > (_WORD_BYTES if words else _FIRST_WORD_BYTES):
            words.append(_encode_word(pending))
            pending = b""
        pending += data
    words.append(_encode_word(pending))
    return f"{name}: " + f"{linesep} ".join(words) + linesep


def _encode_word(data: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(data).decode('ascii')}?="
