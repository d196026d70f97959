# SPDX-License-Identifier: Apache-2.0
"""`make bench`: requests a second, latency, CPU, and the ratio to pgbench running the same statements."""
