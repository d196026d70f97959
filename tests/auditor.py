# SPDX-License-Identifier: Apache-2.0
"""An auditor with a copy of nothing but exports, and a database administrator whom no trigger stops."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.actions.trail import ORIGIN, Trail
from tests.lanes import Call
from tests.world import HOST, World
from vestibule.actions.log.export_tenant import export_tenant
from vestibule.auditing.findings import Report
from vestibule.auditing.verify import verify_export
from vestibule.core.keys import KeyRecord
from vestibule.core.log.checkpoint import parse_checkpoint
from vestibule.core.log.export import TenantExport, dump_export, parse_export
from vestibule.core.log.leaf import event_leaf, milliseconds
from vestibule.core.log.note import Note, NoteKey, SignatureType, cosign_text, note_key, parse_note, sign_text
from vestibule.core.log.receipt import Receipt
from vestibule.core.log.tree import leaf_hash
from vestibule.core.log.trust import TrustPolicy, parse_trust
from vestibule.core.token import mint_secret_bytes
from vestibule.delivery.sealing import sign_note
from vestibule.keys.file import FileProvider
from vestibule.keys.master import MasterKey, create_store
from vestibule.storage.audit import read_event
from vestibule.storage.schema import audit_events

MERGE_DELAY = timedelta(seconds=60)


class Audited:
    """A founded service with a key ring, whose trail is sealed and signed on demand."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.trail = Trail(world)
        self.provider = _open_store(folder)
        self.log_key = self.trail.make_key(self.provider)
        self.receipt_key = self.trail.make_key(self.provider, "receipt")
        self.witness = Ed25519PrivateKey.generate()
        world.found()

    def seal(self) -> str:
        """Everything is sealed, the head signed; the checkpoint."""
        self.trail.seal()
        self.trail.sign(self.provider)
        return self.newest()

    def newest(self) -> str:
        found = self.trail.newest()
        assert found is not None
        return found.note

    def export(self, pin: str | None = None, tenant: str = "acme") -> TenantExport:
        """What the auditor gets: through the bytes of the file."""
        old_size = None if pin is None else parse_checkpoint(parse_note(pin).text).size
        made = self.world.lane.do(
            Call(
                "read",
                lambda uow: export_tenant(uow, HOST, tenant, merge_delay=MERGE_DELAY, old_size=old_size),
            )
        )
        return parse_export(dump_export(made))

    def verify(
        self,
        pin: str | None = None,
        receipts: Mapping[str, str] | None = None,
        earlier: TenantExport | None = None,
    ) -> list[str]:
        """What the auditor finds now, who knows the log's key."""
        return [str(one) for one in self.report(pin, receipts, earlier).findings]

    def report(
        self,
        pin: str | None = None,
        receipts: Mapping[str, str] | None = None,
        earlier: TenantExport | None = None,
    ) -> Report:
        return verify_export(
            self.export(pin), trust=self.trust(), pin=pin, receipts=receipts, earlier=earlier
        )

    def trust(self, *, quorum: bool = False) -> TrustPolicy:
        end = "quorum w" if quorum else "quorum none"
        return parse_trust(f"log {self.key_of(self.log_key)}\nwitness w {self.witness_key}\n{end}\n")

    @property
    def witness_key(self) -> NoteKey:
        raw = self.witness.public_key().public_bytes_raw()
        return NoteKey("witness.example", SignatureType.COSIGNATURE, raw)

    def key_of(self, key: KeyRecord) -> NoteKey:
        assert key.public_key is not None
        return note_key(ORIGIN, key.public_key)

    def cosign(self) -> None:
        """The witness vouches for the newest checkpoint."""
        text = parse_note(self.newest()).text
        line = str(cosign_text(text, self.witness_key, 1_760_000_000, self.witness.sign))
        size = parse_checkpoint(text).size
        self.world.do(Call("run", lambda uow: _keep_line(uow, size, line)))

    def give_receipt(self, event_id: str) -> str:
        """What the service gives to whoever caused this event."""
        with self.world.lane.engine.connect() as connection:
            row = connection.execute(sa.select(audit_events).where(audit_events.c.event_id == event_id)).one()
        event = read_event(row)
        at = milliseconds(event.occurred_at)
        receipt = Receipt(
            origin=ORIGIN,
            tenant_id=event.record.tenant_id,
            event_id=event_id,
            leaf_hash=leaf_hash(event_leaf(event.record, event.occurred_at)),
            at=at,
            promised_by=at,
        )
        signature = sign_text(
            str(receipt),
            self.key_of(self.receipt_key),
            lambda data: sign_note(self.provider, self.receipt_key, data),
        )
        return str(Note(str(receipt), (signature,)))

    def tamper(self, *statements: str, **values: Any) -> None:
        """The administrator of the database switches off what stands in the way, and puts it back."""
        engine = self.world.lane.engine
        with engine.begin() as connection:
            triggers: list[sa.Row[Any]] = []
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            else:
                query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
                triggers = list(connection.execute(sa.text(query)))
            for trigger in triggers:
                connection.execute(sa.text(f"DROP TRIGGER {trigger.name}"))
            for statement in statements:
                assert connection.execute(sa.text(statement), values).rowcount != 0, statement
            for trigger in triggers:
                connection.exec_driver_sql(trigger.sql)


def _open_store(folder: Path) -> FileProvider:
    # A key and no passphrase: nothing to stretch.
    master = MasterKey(base64.b64encode(mint_secret_bytes()).decode())
    create_store(folder, master)
    return FileProvider(folder, master)


def _keep_line(uow: Any, size: int, line: str) -> None:
    uow.checkpoints.add_cosignature(size, witness="witness.example", line=line)
    uow.commit()
