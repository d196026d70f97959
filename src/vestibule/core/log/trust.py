# SPDX-License-Identifier: Apache-2.0
"""Whom to believe: logs, witnesses and how many of them (c2sp.org/tlog-policy)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from vestibule.core.log.checkpoint import parse_decimal
from vestibule.core.log.note import NoteKey, SignatureType, malformed, parse_vkey

NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Witness:
    """``url`` is its submission prefix, where checkpoints are sent to."""

    name: str
    key: NoteKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """``groups`` maps a name to how many of which members it takes; ``quorum`` names a witness or a group."""

    logs: tuple[NoteKey, ...] = ()
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = NOBODY

    def is_met_by(self, cosigners: Collection[NoteKey]) -> bool:
        """Have enough witnesses cosigned?"""
        return self.quorum == NOBODY or self._has_seen(self.quorum, cosigners)

    @property
    def least(self) -> int:
        """How many cosignatures a checkpoint needs at the very least."""
        return 0 if self.quorum == NOBODY else self._count(self.quorum)

    def _count(self, name: str) -> int:
        if name in self.witnesses:
            return 1
        needed, members = self.groups[name]
        return sum(sorted(map(self._count, members))[:needed])

    def _has_seen(self, name: str, cosigners: Collection[NoteKey]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name].key in cosigners
        needed, members = self.groups[name]
        return sum(self._has_seen(member, cosigners) for member in members) >= needed


def parse_trust(text: str) -> TrustPolicy:
    """A policy file.

    Raises:
        InvalidRequestError: a line is not of this format; the fault names it.
    """
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            reader.read(number, words)
    return reader.finish()


class _Reader:
    def __init__(self) -> None:
        self._logs: list[NoteKey] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None

    def read(self, number: int, words: list[str]) -> None:
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self._add_log(number, parse_vkey(vkey))
            case ["witness", name, vkey, *rest] if len(rest) <= 1:
                self._add_witness(number, Witness(name, parse_vkey(vkey), *rest))
            case ["group", name, count, *members] if members:
                self._add_group(number, name, count, tuple(members))
            case ["quorum", name] if self._quorum is None:
                if name != NOBODY and not self._is_known(name):
                    raise _fault(number, "it names nobody defined above")
                self._quorum = name
            case _:
                raise _fault(number, "it is no log, witness, group or single quorum")

    def finish(self) -> TrustPolicy:
        if self._quorum is None:
            raise malformed("/policy", "A policy has one quorum line.")
        return TrustPolicy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _add_log(self, number: int, key: NoteKey) -> None:
        if key.type is SignatureType.COSIGNATURE:
            raise _fault(number, "a log's key is not a witness's")
        if any(key.public_key == known.public_key for known in self._logs):
            raise _fault(number, "this key stands above already")
        self._logs.append(key)

    def _add_witness(self, number: int, witness: Witness) -> None:
        self._check_name(number, witness.name)
        if witness.key.type is not SignatureType.COSIGNATURE:
            raise _fault(number, "a witness's key has type 4")
        if any(witness.key.public_key == known.key.public_key for known in self._witnesses.values()):
            raise _fault(number, "this key stands above already")
        self._witnesses[witness.name] = witness

    def _add_group(self, number: int, name: str, count: str, members: tuple[str, ...]) -> None:
        self._check_name(number, name)
        for member in members:
            if not self._is_known(member) or member in self._members:
                raise _fault(number, f"{member} is not defined above, or stands in a group already")
            self._members.add(member)
        needed = {"any": 1, "all": len(members)}.get(count) or parse_decimal(count)
        if not 1 <= needed <= len(members):
            raise _fault(number, "it asks for more members than it has, or for none")
        self._groups[name] = (needed, members)

    def _check_name(self, number: int, name: str) -> None:
        if name == NOBODY or self._is_known(name):
            raise _fault(number, f"the name {name} is taken")

    def _is_known(self, name: str) -> bool:
        return name in self._witnesses or name in self._groups


def _fault(number: int, what: str) -> Exception:
    return malformed("/policy", f"Line {number}: {what}.")
