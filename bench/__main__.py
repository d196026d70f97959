# SPDX-License-Identifier: Apache-2.0
"""Start PostgreSQL, one ``serve`` process and a load generator; interleave with pgbench; print the ratios.

Usage: python -m bench [--rounds 3] [--rows 1000000] [--json]. Absolute figures drift with the machine: the
ratios of one run are what counts. The refusal's deadline is 0 here, and its cost is stated apart.
"""

from __future__ import annotations

import argparse
import json
import sys

from bench.report import print_report
from bench.runs import Bench


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each measurement is repeated")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large table")
    parser.add_argument("--connections", type=int, default=32, help="connections of the load generator")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--sealing", action="store_true", help="measure what sealing costs an accept instead")
    parser.add_argument("--addresses", action="store_true", help="measure what sealed addresses cost instead")
    parser.add_argument("--accepts", type=int, default=2000, help="accepts of each way, with --sealing")
    chosen = parser.parse_args()
    if chosen.addresses:
        from bench.addresses import measure  # noqa: PLC0415 - the other half needs none of it

        sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
        return 0
    if chosen.sealing:
        from bench.sealing import measure_sealing  # noqa: PLC0415 - the other half needs none of it

        sys.stdout.write(json.dumps(measure_sealing(chosen.rounds, chosen.accepts), indent=2) + "\n")
        return 0
    with Bench(rows=chosen.rows, connections=chosen.connections) as bench:
        figures = bench.measure(chosen.rounds)
    if chosen.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        print_report(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
