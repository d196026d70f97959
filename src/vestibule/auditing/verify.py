# SPDX-License-Identifier: Apache-2.0
"""Verification of an export, step by step (CRYPTO.md 3.6)."""

from __future__ import annotations

from collections.abc import Mapping

from vestibule.auditing.findings import Report
from vestibule.auditing.replay import replay
from vestibule.auditing.sealing import Seals, told
from vestibule.auditing.signatures import verify_signature
from vestibule.core.keys import Purpose
from vestibule.core.log.export import TenantExport
from vestibule.core.log.note import note_key, parse_note, signed_by
from vestibule.core.log.receipt import Receipt, parse_receipt
from vestibule.core.log.trust import TrustPolicy
from vestibule.errors import InvalidRequestError


def verify_export(
    export: TenantExport,
    *,
    trust: TrustPolicy | None = None,
    pin: str | None = None,
    receipts: Mapping[str, str] | None = None,
    earlier: TenantExport | None = None,
) -> Report:
    """Everything that can be said of *export* without asking anybody.

    *pin* is the text of an earlier checkpoint; *receipts* are texts by the names they go by; *earlier* is an
    export of the same tenant that was verified and kept.
    """
    report = Report(export.tenant_id)
    try:
        report.size = export.size
    except InvalidRequestError as error:
        report.find(f"the newest head can't be read: {told(error)}")
        return report
    seals = Seals(export, report, trust, verify_signature)
    checkpoint = seals.check_checkpoint()
    if checkpoint is not None:
        if pin is not None:
            seals.check_pin(checkpoint, pin)
        seals.check_heads(checkpoint)
        seals.check_order()
        if earlier is not None:
            seals.check_earlier(earlier)
    events = seals.read_events()
    try:
        replay(events, export.tables, report)
    except (KeyError, TypeError) as error:
        report.find(f"the tables can't be read ({type(error).__name__}: {error})")
    for name, text in (receipts or {}).items():
        _check_receipt(export, name, text, report)
    return report


def _check_receipt(export: TenantExport, name: str, text: str, report: Report) -> None:
    """What was promised is there. Receipts of other tenants and logs say nothing here."""
    try:
        note = parse_note(text)
        receipt = parse_receipt(note.text)
        keys = [note_key(export.origin, key.spki) for key in export.keys if key.purpose == Purpose.RECEIPT]
        is_signed = bool(signed_by(note, keys, verify_signature))
    except InvalidRequestError as error:
        report.find(f"the receipt {name} can't be believed: {told(error)}")
        return
    if (receipt.origin, receipt.tenant_id) != (export.origin, export.tenant_id):
        report.note(f"The receipt {name} is of another tenant or log.")
    elif not is_signed:
        report.find(f"the receipt {name} is signed by no receipt key of this service")
    else:
        _check_promise(export, name, receipt, report)


def _check_promise(export: TenantExport, name: str, receipt: Receipt, report: Report) -> None:
    sealed = next((leaf for leaf in export.leaves if leaf.event_id == receipt.event_id), None)
    if sealed is not None and sealed.leaf_hash != receipt.leaf_hash:
        report.find(f"event {receipt.event_id} is not the one that the receipt {name} promises", sealed.seq)
    elif sealed is None and receipt.promised_by <= export.made_at:
        report.find(f"event {receipt.event_id} was promised by the receipt {name} and never sealed")
    elif sealed is None:
        report.note(f"The receipt {name} promises a later moment than that of this export.")
