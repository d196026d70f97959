# SPDX-License-Identifier: Apache-2.0
"""Personal data: sealed or not, shown to whom it is about, erased, kept no longer than wanted."""
