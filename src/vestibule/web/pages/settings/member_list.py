# SPDX-License-Identifier: Apache-2.0
"""The list of members on the screen of people: roles, beginnings and ends, and what they hold beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request

from vestibule.actions.members.review_members import list_members
from vestibule.actions.resources.manage import list_grants
from vestibule.core.display import format_day, format_moment
from vestibule.core.paging import parse_page_request
from vestibule.core.resource import HeldGrant, Resource
from vestibule.core.tenant import Membership
from vestibule.web.pages.rendering import Pages
from vestibule.web.pages.settings.frame import Screen


async def list_described_members(
    pages: Pages, request: Request, screen: Screen, resources: Sequence[Resource]
) -> dict[str, object]:
    """A page of members for the template."""
    runner = pages.services.runner
    wanted = parse_page_request(f"members:{screen.tenant_id}", None, request.query_params.get("members"))
    page = await runner.read(list_members, screen.identity, screen.tenant_id, wanted)
    names = {one.resource_id: one.name for one in resources}
    rows = []
    for member in page.items:
        held: Sequence[HeldGrant] = ()
        if resources:
            held = await runner.read(list_grants, screen.identity, screen.tenant_id, member.principal_id)
        rows.append(_describe(member, screen, [_describe_grant(one, names) for one in held]))
    more = page.next_cursor
    return {
        "members": rows,
        "members_next_url": None if more is None else f"{screen.path}?members={more}#members",
    }


def _describe(member: Membership, screen: Screen, held: Sequence[str]) -> dict[str, object]:
    is_you = member.principal_id == screen.identity.principal_id
    may_remove = is_you or screen.policy.may_grant(screen.standing.role, member.role)
    path = f"{screen.path}/members/{quote(member.principal_id, safe='')}/remove"
    return {
        "principal_id": member.principal_id,
        "name": member.name,
        "email": member.shown_email,
        "role": member.role,
        "since_text": format_day(member.starts_at or member.created_at),
        "expires_text": _moment(member.expires_at),
        "held": list(held),
        "remove_url": path if may_remove else None,
        "is_you": is_you,
    }


def _describe_grant(one: HeldGrant, names: Mapping[str, str]) -> str:
    ends = "" if one.expires_at is None else f", ends {format_moment(one.expires_at)}"
    return f"{names.get(one.resource_id, one.resource_id)}: {one.role}{ends}"


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else format_moment(moment)
