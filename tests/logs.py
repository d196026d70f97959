# SPDX-License-Identifier: Apache-2.0
"""Logging is the process's: a test that sets it puts it back as it found it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def restored_logging() -> Iterator[None]:
    """Afterwards every logger writes where it wrote before."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    try:
        yield
    finally:
        structlog.configure(**config)
        root.handlers[:], root.level = handlers, level
