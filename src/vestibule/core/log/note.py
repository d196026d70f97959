# SPDX-License-Identifier: Apache-2.0
"""Signed notes (c2sp.org/signed-note): a text, a blank line, and signatures of named keys.

The caller brings ``Sign`` and ``Verify``: this module makes the bytes they work on, and never decides by
itself that a signature is good. A P-256 key (type 2) has its own form of key id; a witness (type 4) signs
a text with the time before it (c2sp.org/tlog-cosignature).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from vestibule.errors import FieldFault, InvalidRequestError

SIGNATURES_MAX = 32
_LINE = "\N{EM DASH} "
_TIME_LENGTH = 8
_ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
_P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


class SignatureType(IntEnum):
    ED25519 = 1
    ECDSA = 2
    COSIGNATURE = 4


@dataclass(frozen=True, slots=True)
class NoteKey:
    """Who signs. ``public_key``: 32 bytes for Ed25519 and cosignatures, DER (SPKI) of P-256 for ECDSA."""

    name: str
    type: SignatureType
    public_key: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        is_whole = (
            self.public_key.startswith(_P256_SPKI) and len(self.public_key) == len(_P256_SPKI) + 65
            if self.type is SignatureType.ECDSA
            else len(self.public_key) == 32
        )
        if not is_whole:
            raise malformed("/key", "The public key has not the form of its type.")

    @property
    def key_id(self) -> bytes:
        if self.type is SignatureType.ECDSA:
            return hashlib.sha256(self.public_key).digest()[:4]
        named = self.name.encode() + b"\n" + bytes([self.type]) + self.public_key
        return hashlib.sha256(named).digest()[:4]

    @property
    def spki(self) -> bytes:
        """The public key in DER (SubjectPublicKeyInfo)."""
        return self.public_key if self.type is SignatureType.ECDSA else _ED25519_SPKI + self.public_key

    def __str__(self) -> str:
        """The vkey: what one hands to whoever shall verify."""
        return f"{self.name}+{self.key_id.hex()}+{encode(bytes([self.type]) + self.public_key)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One line: ``data`` is what follows the key id."""

    name: str
    key_id: bytes
    data: bytes

    def __str__(self) -> str:
        return f"{_LINE}{self.name} {encode(self.key_id + self.data)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """``text`` ends in a newline. ``str(note)`` is the note as it is stored and sent."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"


Sign = Callable[[bytes], bytes]
# Is this the key's signature over the message? ECDSA is over its SHA-256, in ASN.1.
Verify = Callable[[NoteKey, bytes, bytes], bool]


def note_key(name: str, spki: bytes) -> NoteKey:
    """The key of a log from its public half in DER, Ed25519 or P-256."""
    if spki.startswith(_ED25519_SPKI):
        return NoteKey(name, SignatureType.ED25519, spki.removeprefix(_ED25519_SPKI))
    return NoteKey(name, SignatureType.ECDSA, spki)


def parse_vkey(text: str) -> NoteKey:
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = decode(encoded)
    if not data or data[0] not in tuple(SignatureType):
        raise malformed("/key", "No type of key that is known here.")
    key = NoteKey(name, SignatureType(data[0]), data[1:])
    if key.key_id.hex() != key_id:
        raise malformed("/key", "The key id does not belong to the key.")
    return key


def sign_text(text: str, key: NoteKey, sign: Sign) -> Signature:
    """A signature line of *key* over *text*; not for cosignatures, which have a time."""
    check_text(text)
    return Signature(key.name, key.key_id, sign(text.encode()))


def cosign_text(text: str, key: NoteKey, at: int, sign: Sign) -> Signature:
    """A witness's line: *at* are seconds since 1970."""
    check_text(text)
    return Signature(key.name, key.key_id, struct.pack(">Q", at) + sign(_cosigned(text, at)))


def cosigned_at(signature: Signature) -> int:
    """The time that a cosignature gives, in seconds since 1970; verify it first."""
    return int(struct.unpack(">Q", signature.data[:_TIME_LENGTH])[0])


def parse_note(text: str) -> Note:
    """Text and signature lines, nothing verified."""
    body, blank, lines = text.rpartition("\n\n")
    if not blank:
        raise malformed("/note", "A signed note has a blank line before its signatures.")
    body += "\n"
    check_text(body)
    return Note(body, parse_signatures(lines))


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """One or more signature lines, as they stand in a note and in a witness's answer."""
    if not lines.endswith("\n"):
        raise malformed("/note", "The last line ends in a newline.")
    found = tuple(_parse_line(line) for line in lines[:-1].split("\n"))
    if len(found) > SIGNATURES_MAX:
        raise malformed("/note", f"More than {SIGNATURES_MAX} signatures.")
    return found


def signed_by(note: Note, keys: Iterable[NoteKey], verify: Verify) -> dict[NoteKey, Signature]:
    """Which of *keys* have signed *note*. Lines of unknown keys say nothing.

    Raises:
        InvalidRequestError: a line of a known key is not its signature; such a note is not to be believed.
    """
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[NoteKey, Signature] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not _is_good(note.text, key, signature, verify):
            raise malformed("/note", f"The signature of {key.name} is wrong.")
        found.setdefault(key, signature)
    return found


def _is_good(text: str, key: NoteKey, signature: Signature, verify: Verify) -> bool:
    if key.type is not SignatureType.COSIGNATURE:
        return verify(key, text.encode(), signature.data)
    if len(signature.data) <= _TIME_LENGTH or cosigned_at(signature) >= 2**63:
        return False
    return verify(key, _cosigned(text, cosigned_at(signature)), signature.data[_TIME_LENGTH:])


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _parse_line(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_LINE).rpartition(" ")
    if not line.startswith(_LINE) or not space:
        raise malformed("/note", "A signature line is: dash, name, signature.")
    check_key_name(name)
    data = decode(encoded)
    if len(data) <= 4:
        raise malformed("/note", "A signature is longer than its key's id.")
    return Signature(name, data[:4], data[4:])


def check_key_name(name: str) -> None:
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        raise malformed("/name", "A key's name is not empty and has no space and no plus.")


def check_text(text: str) -> None:
    if not text.endswith("\n") or any(letter < " " and letter != "\n" for letter in text):
        raise malformed("/note", "A note's text ends in a newline and has no other control character.")


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decode(text: str) -> bytes:
    """Base64 in its one spelling.

    Raises:
        InvalidRequestError: anything else.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed("/note", "This is not base64.") from error
    if encode(data) != text:
        raise malformed("/note", "This is not the one spelling of base64.")
    return data


def malformed(pointer: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(FieldFault(pointer, message))
