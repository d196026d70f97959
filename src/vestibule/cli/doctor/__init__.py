# SPDX-License-Identifier: Apache-2.0
"""``vestibule doctor``: is this deployment in order, and if not, what is to be done (OBS-05)."""

from __future__ import annotations

from vestibule.cli.doctor.command import examine

__all__ = ["examine"]
