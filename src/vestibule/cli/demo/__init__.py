# SPDX-License-Identifier: Apache-2.0
"""``vestibule demo``: the whole path on this machine, in a browser or as a transcript."""

from __future__ import annotations

from vestibule.cli.demo.command import run_demo

__all__ = ["run_demo"]
