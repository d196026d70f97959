# SPDX-License-Identifier: Apache-2.0
"""Running services to attack: those of the web tests."""

from __future__ import annotations

from tests.web.conftest import _worlds, engine_name, make_world, world

__all__ = ["_worlds", "engine_name", "make_world", "world"]
