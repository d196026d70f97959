# SPDX-License-Identifier: Apache-2.0
"""The rules, pure: no I/O, no clock, no framework (DESIGN.md section 2)."""
