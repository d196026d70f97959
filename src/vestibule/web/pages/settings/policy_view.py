# SPDX-License-Identifier: Apache-2.0
"""The screen of policy and domains: what is in force, what waits, what was, and the tenant's domains."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from vestibule.actions.domains.review_domains import list_domains
from vestibule.actions.policies.review_policy import ReviewedChange, get_policy, list_changes
from vestibule.core.display import format_moment
from vestibule.core.domain import Rung
from vestibule.core.paging import parse_page_request
from vestibule.core.policy import dump_policy
from vestibule.core.policy.change import PolicyChange, PolicyInForce
from vestibule.core.policy.replay import Effect, Replayed
from vestibule.web.pages.rendering import Pages
from vestibule.web.pages.settings.domain_view import describe_domain, list_default_roles
from vestibule.web.pages.settings.frame import BLANK, Form, Notice, Screen, enter, render_screen
from vestibule.web.pages.settings.names import read_names
from vestibule.web.pages.settings.policy_words import (
    begin,
    describe_differences,
    describe_rest,
    describe_roles,
)

_STATES = {"proposed": "Proposed", "approved": "Approved", "active": "In force", "closed": "Over"}
_EFFECTS: Mapping[Effect, str] = {
    "same": "as before",
    "changed": "open for another time",
    "held": "would wait for approval",
    "denied": "would be refused",
    "allowed": "would be allowed",
}
_EXAMPLES = 10


class PolicyView:
    """Renders the screen of policy and domains."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner

    async def render(
        self,
        request: Request,
        *,
        status: int = 200,
        notice: Notice | None = None,
        form: Form = BLANK,
        faults: Sequence[Mapping[str, str]] = (),
    ) -> Response:
        """The screen of the tenant in the path, for whoever administers it."""
        screen = await enter(self._pages, request)
        current = await self._runner.read(get_policy, screen.identity, screen.tenant_id)
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_policy.html",
            status=status,
            notice=notice,
            form=form,
            faults=faults,
            **_describe_policy(current),
            **await self._list_changes(request, screen, current),
            **await self._list_domains(request, screen),
        )

    async def _list_changes(
        self, request: Request, screen: Screen, current: PolicyInForce
    ) -> dict[str, object]:
        scope = f"policy:{screen.tenant_id}"
        wanted = parse_page_request(scope, 20, request.query_params.get("changes"))
        page = await self._runner.read(list_changes, screen.identity, screen.tenant_id, wanted)
        names = await read_change_names(self._pages, screen, page.items)
        rows = [describe_change(one, screen, current.policy_hash, names) for one in page.items]
        more = page.next_cursor
        return {
            "waiting": [row for row in rows if row["is_open"]],
            "history": [row for row in rows if not row["is_open"]],
            "can_roll_back": any(one.activated_at is not None for one in page.items),
            "changes_next_url": None if more is None else f"{screen.path}/policy?changes={more}#history",
        }

    async def _list_domains(self, request: Request, screen: Screen) -> dict[str, object]:
        scope = f"domains:{screen.tenant_id}"
        wanted = parse_page_request(scope, None, request.query_params.get("domains"))
        page = await self._runner.read(list_domains, screen.identity, screen.tenant_id, wanted)
        more = page.next_cursor
        return {
            "domains": [describe_domain(one, screen) for one in page.items],
            "rungs": [rung.value for rung in Rung],
            "default_roles": list_default_roles(screen.policy),
            "domains_next_url": None if more is None else f"{screen.path}/policy?domains={more}#domain",
        }


async def read_change_names(
    pages: Pages, screen: Screen, changes: Sequence[PolicyChange]
) -> Mapping[str, str]:
    """What to call whoever proposed and approved them."""
    people = (principal_id for one in changes for principal_id in (one.author_id, one.approver_id))
    return await read_names(pages, screen, people)


def describe_change(
    change: PolicyChange, screen: Screen, policy_hash: str, names: Mapping[str, str]
) -> dict[str, object]:
    """A change for the lists, and what this administrator may do with it."""
    is_open = change.state in ("proposed", "approved")
    is_stale = is_open and change.base_hash != policy_hash
    is_author = change.author_id == screen.identity.principal_id
    return {
        "change_id": change.change_id,
        "url": f"{screen.path}/policy/changes/{quote(change.change_id, safe='')}",
        "state": "closed" if is_stale else change.state,
        "state_label": "Out of date" if is_stale else _STATES[change.state],
        "is_open": is_open and not is_stale,
        "loosens": change.is_loosening,
        "author": names.get(change.author_id, change.author_id),
        "is_author": is_author,
        "approver": None if change.approver_id is None else names.get(change.approver_id, change.approver_id),
        "created_text": format_moment(change.created_at),
        "approved_text": None if change.approved_at is None else format_moment(change.approved_at),
        "activated_text": None if change.activated_at is None else format_moment(change.activated_at),
        "may_approve": screen.is_owner and change.needs_approval and not is_author,
        "may_activate": screen.is_owner and not change.needs_approval,
    }


def describe_review(
    view: ReviewedChange, screen: Screen, policy_hash: str, names: Mapping[str, str]
) -> dict[str, Any]:
    """The page of one change."""
    return {
        "change": describe_change(view.change, screen, policy_hash, names),
        "differences": describe_differences(view.differences),
        "document": indent(view.document),
    }


def describe_replay(found: Sequence[Replayed]) -> dict[str, object]:
    """How many of the last decisions would come out otherwise, and which."""
    counts = Counter(one.effect for one in found)
    changed = [one for one in found if one.effect != "same"]
    return {
        "total": len(found),
        "same": counts["same"],
        "counts": [
            {"count": counts[effect], "told": told}
            for effect, told in _EFFECTS.items()
            if effect != "same" and counts[effect]
        ],
        "examples": [_describe_example(one) for one in changed[:_EXAMPLES]],
        "more": max(0, len(changed) - _EXAMPLES),
    }


def indent(document: str) -> str:
    """A stored document as one can read and change it."""
    return json.dumps(json.loads(document), indent=2, ensure_ascii=False)


def _describe_example(one: Replayed) -> dict[str, str]:
    decision = one.decision
    return {
        "what": "Issued" if decision.kind == "invitation.issued" else "Accepted",
        "roles": ", ".join(decision.roles),
        "email": "" if decision.address is None else decision.address.key,
        "when_text": format_moment(decision.occurred_at),
        "told": _EFFECTS[one.effect],
        "why": begin("; ".join(finding.told for finding in one.after.deciding))
        if one.effect != "changed"
        else "",
    }


def _describe_policy(current: PolicyInForce) -> dict[str, object]:
    policy = current.policy
    return {
        "roles": describe_roles(policy),
        "rest": describe_rest(policy),
        "policy_id": policy.policy_id,
        "policy_version": current.version,
        "policy_hash": current.policy_hash,
        "canonical": dump_policy(policy),
        "own_document": indent(current.own),
    }
