# SPDX-License-Identifier: Apache-2.0
"""``python -m vestibule`` is the command line."""

from __future__ import annotations

from vestibule.cli import main

if __name__ == "__main__":
    main()
