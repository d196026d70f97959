# SPDX-License-Identifier: Apache-2.0
"""What a tenant's export holds, and how: one tar file, texts only, no secret and no address.

``export.json`` says what it is. ``events.jsonl`` holds the exact bytes of each event, ``leaves.jsonl`` what
was sealed in which order, ``heads.jsonl`` the tenant's heads with their proofs in the log, ``checkpoint.txt``
the log's signed head with its cosignatures, ``consistency.json`` the way from an earlier head, ``keys.jsonl``
the public keys, and ``tables/*.jsonl`` the business tables that the events must explain.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vestibule.core.canonical import canonical, parse_canonical
from vestibule.core.log.checkpoint import parse_hash
from vestibule.core.log.leaf import TenantHead, parse_global_leaf
from vestibule.core.log.note import decode, encode, malformed

FORMAT = "vestibule-audit-export/v1"
TABLES = ("invitations", "memberships", "grants", "approvals", "policies")
_TABLE = "tables/{}.jsonl"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEvent:
    """The place of an event in its tenant's tree."""

    seq: int
    event_id: str
    leaf_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedHead:
    """A head of the tenant's tree, and that it is in the log; ``entry`` are its exact bytes."""

    position: int
    entry: bytes
    path: tuple[bytes, ...]

    @property
    def head(self) -> TenantHead:
        found = parse_global_leaf(self.entry)
        if not isinstance(found, TenantHead):
            raise malformed("/heads", "This leaf is no tenant's head.")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that the service has used, in DER; ``is_compromised`` by its own word."""

    purpose: str
    spki: bytes
    is_compromised: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantExport:
    """Everything. Times are milliseconds since 1970; ``merge_delay`` is how long sealing may take."""

    origin: str
    tenant_id: str
    pseudonym: str
    made_at: int
    merge_delay: int
    checkpoint: str
    events: Sequence[bytes]
    leaves: Sequence[SealedEvent]
    heads: Sequence[ProvedHead]
    keys: Sequence[PublicKey]
    tables: Mapping[str, Sequence[Row]]
    old_size: int | None = None
    consistency: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """How many events the newest head says there are."""
        return self.heads[-1].head.size if self.heads else 0


def dump_export(export: TenantExport) -> bytes:
    """The tar file. The same export is the same bytes."""
    about = {
        "format": FORMAT,
        "origin": export.origin,
        "tenant": export.tenant_id,
        "pseudonym": export.pseudonym,
        "made_at": export.made_at,
        "merge_delay": export.merge_delay,
    }
    files = {
        "export.json": canonical(about) + "\n",
        "events.jsonl": "".join(f"{event.decode()}\n" for event in export.events),
        "leaves.jsonl": _lines(
            {"seq": one.seq, "id": one.event_id, "hash": encode(one.leaf_hash)} for one in export.leaves
        ),
        "heads.jsonl": _lines(
            {"position": one.position, "entry": one.entry.decode(), "path": [encode(h) for h in one.path]}
            for one in export.heads
        ),
        "checkpoint.txt": export.checkpoint,
        "keys.jsonl": _lines(
            {"purpose": one.purpose, "spki": encode(one.spki), "compromised": one.is_compromised}
            for one in export.keys
        ),
        **{_TABLE.format(name): _lines(export.tables[name]) for name in TABLES},
    }
    if export.old_size is not None:
        proof = {"old_size": export.old_size, "path": [encode(found) for found in export.consistency]}
        files["consistency.json"] = canonical(proof) + "\n"
    return _pack(files)


def parse_export(data: bytes) -> TenantExport:
    """The export in a tar file, its form checked and nothing else.

    Raises:
        InvalidRequestError: it is none.
    """
    files = _unpack(data)
    try:
        about = parse_canonical(_text(files, "export.json").removesuffix("\n").encode())
        if about.pop("format") != FORMAT:
            raise malformed("export.json", f"This is not {FORMAT}.")
        proof = json.loads(_text(files, "consistency.json")) if "consistency.json" in files else None
        return TenantExport(
            origin=str(about["origin"]),
            tenant_id=str(about["tenant"]),
            pseudonym=str(about["pseudonym"]),
            made_at=int(about["made_at"]),
            merge_delay=int(about["merge_delay"]),
            checkpoint=_text(files, "checkpoint.txt"),
            events=[line.encode() for line in _text(files, "events.jsonl").split("\n") if line],
            leaves=[_read_leaf(row) for row in _rows(files, "leaves.jsonl")],
            heads=[_read_head(row) for row in _rows(files, "heads.jsonl")],
            keys=[_read_key(row) for row in _rows(files, "keys.jsonl")],
            tables={name: _rows(files, _TABLE.format(name)) for name in TABLES},
            old_size=None if proof is None else int(proof["old_size"]),
            consistency=() if proof is None else tuple(map(parse_hash, proof["path"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise malformed(
            "/export", f"This is not a whole export ({type(error).__name__}: {error})."
        ) from error


def _read_leaf(row: Row) -> SealedEvent:
    return SealedEvent(seq=int(row["seq"]), event_id=str(row["id"]), leaf_hash=parse_hash(row["hash"]))


def _read_head(row: Row) -> ProvedHead:
    path = tuple(map(parse_hash, row["path"]))
    return ProvedHead(position=int(row["position"]), entry=row["entry"].encode(), path=path)


def _read_key(row: Row) -> PublicKey:
    return PublicKey(
        purpose=str(row["purpose"]), spki=decode(row["spki"]), is_compromised=bool(row["compromised"])
    )


def _lines(rows: Iterable[Row]) -> str:
    return "".join(f"{canonical(row)}\n" for row in rows)


def _rows(files: Mapping[str, bytes], name: str) -> list[Row]:
    return [json.loads(line) for line in _text(files, name).split("\n") if line]


def _text(files: Mapping[str, bytes], name: str) -> str:
    return files[name].decode()


def _pack(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in sorted(files.items()):
            data = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _unpack(data: bytes) -> dict[str, bytes]:
    """Nothing is written to disk, so a name in the archive can't lead anywhere."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for entry in archive:
                found = archive.extractfile(entry) if entry.isfile() else None
                if found is None or entry.name in files:
                    raise malformed("/export", f"{entry.name} is no plain file, or stands there twice.")
                files[entry.name] = found.read()
    except tarfile.TarError as error:
        raise malformed("/export", "This is not a tar file.") from error
    return files
