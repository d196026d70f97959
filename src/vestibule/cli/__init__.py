# SPDX-License-Identifier: Apache-2.0
"""Operator commands: parse, call an action, print (INT-05)."""

from __future__ import annotations

from vestibule.cli.app import app, main

__all__ = ["app", "main"]
