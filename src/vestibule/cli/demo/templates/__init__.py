# SPDX-License-Identifier: Apache-2.0
"""The four templates as stories: each sets its tenant up, and walks it to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vestibule.cli.demo.script import Chapter
from vestibule.cli.demo.templates import admin_access, event, onboarding, partners

STORIES: Mapping[str, Sequence[Chapter]] = {
    "event-rsvp": event.CHAPTERS,
    "internal-admin-jit": admin_access.CHAPTERS,
    "partner-program": partners.CHAPTERS,
    "saas-onboarding": onboarding.CHAPTERS,
}
