# SPDX-License-Identifier: Apache-2.0
"""Who holds the private halves: providers behind ``ports.KeyProvider`` (TOK-05)."""
