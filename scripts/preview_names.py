# SPDX-License-Identifier: Apache-2.0
"""People and names that the sample contexts share: the usual and the hostile."""

from typing import Any

Context = dict[str, Any]

ANA = {"name": "Ana Lindqvist", "email": "ana@lindqvist.example", "principal_id": "acc_7d1f"}
BEN = {"name": "Ben Okafor", "email": "ben@studio-okafor.example", "principal_id": "acc_9c20"}
LONG = (
    "The Extraordinarily Long-Named International Cooperative "
    "for Uninterruptedtypographicalmeasurements & Sons"
)
TAGS = "<b>Acme</b> <script>alert(1)</script>"
RTL = "شركة الأفق للتقنية"
EXPIRES = "Saturday 28 November 2026 at 11:13 UTC"
