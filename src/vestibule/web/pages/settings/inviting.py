# SPDX-License-Identifier: Apache-2.0
"""The form that invites: what it offers under this tenant's policy, and the draft that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from vestibule.core.display import format_span
from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.core.invitation import Deliver, InvitationDraft, ResourceGrant
from vestibule.core.policy import Policy
from vestibule.core.resource import Resource
from vestibule.errors import FieldFault, InvalidRequestError
from vestibule.web.pages.settings.frame import Screen

# In place of a role: only what is granted on resources, to somebody who is a member already.
NO_ROLE = "-"
RESOURCES_SHOWN = 20
_GRANT = "grant:"
_HOUR, _DAY = 3_600, 86_400
_SPANS = (_HOUR, 8 * _HOUR, _DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY, 365 * _DAY)
_START_LENGTH = len("2026-11-28T11:13")


def describe_offer(screen: Screen, resources: Sequence[Resource]) -> dict[str, object]:
    """What the form offers to this administrator."""
    policy = screen.policy
    granted = policy.assignable.get(screen.standing.role, frozenset())
    roles = sorted(granted, key=lambda role: (len(_list_demands(policy, role)), -policy.ttl_of(role), role))
    longest = [policy.rule_of(role).grant_max for role in roles]
    bounds = [seconds for seconds in longest if seconds is not None]
    most = None if len(bounds) < len(longest) else max(bounds, default=None)
    return {
        "roles": [_describe_role(policy, role) for role in roles],
        "spans": [
            {"seconds": str(span), "text": f"{format_span(span)} after it begins"}
            for span in _SPANS
            if most is None or span <= most
        ],
        "reasoned": [role for role in roles if policy.rule_of(role).justification],
        "limited": [
            f"{role}: at most {format_span(seconds)}"
            for role, seconds in zip(roles, longest, strict=True)
            if seconds is not None
        ],
        "resources": [
            {"field": _GRANT + one.resource_id, "name": one.name} for one in resources[:RESOURCES_SHOWN]
        ],
        "more_resources": len(resources) > RESOURCES_SHOWN,
    }


def read_draft(form: Mapping[str, str]) -> InvitationDraft:
    """What the form says.

    Raises:
        InvalidRequestError: a field can't be read; the rest is the action's to judge.
    """
    role = form.get("role", "")
    return InvitationDraft(
        email=read_email(form),
        role=None if role == NO_ROLE else role,
        grants=tuple(
            ResourceGrant(resource_id=name[len(_GRANT) :], role=value)
            for name, value in form.items()
            if name.startswith(_GRANT) and value
        ),
        justification=read_text(form, "justification"),
        membership_starts_at=_read_start(form.get("membership_starts_at", "")),
        membership_expires_in=_read_span(form.get("membership_expires_in", "")),
        message=read_text(form, "message"),
        deliver=_read_deliver(form.get("deliver", "email")),
    )


def read_email(form: Mapping[str, str]) -> EmailAddress:
    """The one address of the form.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        return EmailAddress.parse_input(form.get("email", ""))
    except AddressFaultError as error:
        raise InvalidRequestError(FieldFault("/email", error.faults[0].message)) from None


def read_text(form: Mapping[str, str], name: str) -> str | None:
    """What was typed into a text area; None when that is nothing."""
    return form.get(name, "").replace("\r\n", "\n").strip() or None


def describe_demands(policy: Policy, role: str) -> str:
    """What granting the role asks for, in a few words; empty when nothing."""
    return ", ".join(_list_demands(policy, role))


def _list_demands(policy: Policy, role: str) -> list[str]:
    rule = policy.rule_of(role)
    demands = []
    if rule.approvals:
        demands.append(f"needs {rule.approvals} {'approval' if rule.approvals == 1 else 'approvals'}")
    if rule.review_within is not None:
        demands.append("reviewed afterwards")
    return demands


def _describe_role(policy: Policy, role: str) -> dict[str, str]:
    parts = [f"open for {format_span(policy.ttl_of(role))}", *_list_demands(policy, role)]
    return {"role": role, "remark": ", ".join(parts)}


def _read_start(text: str) -> datetime | None:
    if not text:
        return None
    try:
        # Some browsers send seconds, too.
        return datetime.strptime(text[:_START_LENGTH], "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidRequestError(
            FieldFault("/membership_starts_at", "Give a day and a time such as 2026-11-28T09:00.")
        ) from None


def _read_span(text: str) -> int | None:
    if not text:
        return None
    if text not in {str(span) for span in _SPANS}:
        raise InvalidRequestError(FieldFault("/membership_expires_in", "Choose one of the list."))
    return int(text)


def _read_deliver(text: str) -> Deliver:
    if text not in ("email", "link"):
        raise InvalidRequestError(FieldFault("/deliver", "Choose email or link."))
    return "link" if text == "link" else "email"
