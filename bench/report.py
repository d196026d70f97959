# SPDX-License-Identifier: Apache-2.0
"""The figures as a person reads them: rates, latencies, CPU, and the ratios that must hold."""

from __future__ import annotations

import sys
from typing import Any

# PERFORMANCE.md section 4, "first".
_GOALS = {"accept": 0.35, "preview": 0.15}
_BASES = {"accept, hot tenant with seats": ("accept", 0.5)}


def print_report(figures: dict[str, Any]) -> None:
    """A table of measurements, then one of ratios."""
    limits = figures["pgbench"]
    _line(f"{'':34}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}{'pgbench':>10}{'ratio':>8}")
    for name, run in figures.items():
        if name in ("pgbench", "memory_mb"):
            continue
        limit = limits.get(name)
        tail = f"{limit:>10,}{run['rate'] / limit:>8.2f}" if limit else ""
        _line(
            f"{name:34}{run['rate']:>9,.0f}{run['p50_ms']:>9.1f}{run['p99_ms']:>9.1f}{run['cpu_us']:>9.0f}{tail}"
        )
    _line("")
    for name, goal in _GOALS.items():
        _goal(f"{name} / pgbench", figures[name]["rate"] / limits[name], goal)
    for name, (base, goal) in _BASES.items():
        _goal(f"{name} / {base}", figures[name]["rate"] / figures[base]["rate"], goal)
    _goal("refused / accept", figures["refused (unknown token)"]["rate"] / figures["accept"]["rate"], 1.0)
    _goal("malformed / preview", figures["malformed token"]["rate"] / figures["preview"]["rate"], 2.0)
    lists = [run["rate"] for name, run in figures.items() if name.startswith("list")]
    _goal("list: large table / small", lists[-1] / lists[0], 0.8)
    idle = figures["memory_mb"]["idle"]
    _line(
        f"  {'idle memory of serve':44}{idle:>7.0f} MB   goal < 100 MB   {'reached' if idle < 100 else 'MISSED'}"
    )


def _goal(name: str, found: float, wanted: float) -> None:
    _line(f"  {name:44}{found:>7.2f}      goal {wanted:<8} {'reached' if found >= wanted else 'MISSED'}")


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
