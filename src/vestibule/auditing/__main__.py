# SPDX-License-Identifier: Apache-2.0
"""``python -m vestibule.auditing EXPORT``: exit status 0 it holds; 1 it differs; 2 it can't be read."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vestibule.auditing.command import DIFFERS, HOLDS, UNREADABLE, tell, verify_files
from vestibule.errors import InvalidRequestError


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m vestibule.auditing", description=__doc__)
    reader.add_argument("export", type=Path)
    reader.add_argument("--policy", type=Path, help="whom to believe (c2sp.org/tlog-policy)")
    reader.add_argument("--pin", type=Path, help="a checkpoint kept from earlier")
    reader.add_argument("--receipts", type=Path, help="a folder of receipts")
    reader.add_argument("--earlier", type=Path, help="an export that was verified and kept")
    given = reader.parse_args()
    try:
        report = verify_files(
            given.export,
            policy=given.policy,
            pin=given.pin,
            receipts=given.receipts,
            earlier=given.earlier,
        )
    except InvalidRequestError as error:
        sys.stderr.writelines(f"{fault.pointer}: {fault.message}\n" for fault in error.faults)
        return UNREADABLE
    except (OSError, UnicodeError) as error:
        sys.stderr.write(f"A file can't be read: {error}\n")
        return UNREADABLE
    sys.stdout.writelines(f"{line}\n" for line in tell(report))
    return DIFFERS if report.findings else HOLDS


if __name__ == "__main__":
    sys.exit(main())
