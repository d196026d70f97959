# SPDX-License-Identifier: Apache-2.0
"""Names for the ids of people, where the tenant knows any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vestibule.actions.members.review_members import get_member
from vestibule.core.identity import KEY_NAMES
from vestibule.errors import NotFoundError
from vestibule.web.pages.rendering import Pages
from vestibule.web.pages.settings.frame import Screen


async def read_names(pages: Pages, screen: Screen, principal_ids: Iterable[str | None]) -> Mapping[str, str]:
    """What to call each of them; whoever is gone has none, and its id still says who it was."""
    names = {}
    for principal_id in {one for one in principal_ids if one is not None}:
        if principal_id.startswith(KEY_NAMES):
            names[principal_id] = f"the key {principal_id.removeprefix(KEY_NAMES)}"
            continue
        try:
            member = await pages.services.runner.read(
                get_member, screen.identity, screen.tenant_id, principal_id
            )
        except NotFoundError:
            continue
        known = member.name or member.shown_email
        if known is not None:
            names[principal_id] = known
    return names
