# SPDX-License-Identifier: Apache-2.0
"""The two operations behind accepting: load the snapshot, settle the claim (DESIGN.md section 3)."""
