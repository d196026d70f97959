# SPDX-License-Identifier: Apache-2.0
"""Files in, lines and an exit status out: what both command lines share."""

from __future__ import annotations

from pathlib import Path

from vestibule.auditing.findings import Report
from vestibule.auditing.verify import verify_export
from vestibule.core.log.export import parse_export
from vestibule.core.log.trust import TrustPolicy, parse_trust

HOLDS = 0
DIFFERS = 1
UNREADABLE = 2


def verify_files(
    export: Path,
    *,
    policy: Path | None = None,
    pin: Path | None = None,
    receipts: Path | None = None,
    earlier: Path | None = None,
) -> Report:
    """Verify the export in a file.

    Raises:
        InvalidRequestError: a file has not its form.
        OSError: a file can't be read.
    """
    return verify_export(
        parse_export(export.read_bytes()),
        trust=read_trust(policy),
        pin=None if pin is None else pin.read_text(encoding="utf-8"),
        receipts={} if receipts is None else _read_receipts(receipts),
        earlier=None if earlier is None else parse_export(earlier.read_bytes()),
    )


def read_trust(path: Path | None) -> TrustPolicy | None:
    return None if path is None else parse_trust(path.read_text(encoding="utf-8"))


def _read_receipts(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.is_file()
    }


def tell(report: Report) -> list[str]:
    """One line to a finding, then the notices, then the verdict."""
    lines = [str(finding) for finding in report.findings]
    lines += [f"Note: {notice}" for notice in report.notices]
    count = len(report.findings)
    verdict = (
        f"{report.size} sealed events verified"
        if not count
        else f"{count} findings"
        if count > 1
        else "1 finding"
    )
    return [*lines, f"{report.tenant_id}: {verdict}."]
