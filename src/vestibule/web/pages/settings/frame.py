# SPDX-License-Identifier: Apache-2.0
"""What the settings screens share: the tenant and its caller, the head, notices, forms with faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from vestibule.actions.tenants.review_tenant import TenantView, get_tenant
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.policy import OWNER, Policy
from vestibule.core.tenant import Membership
from vestibule.errors import InvalidRequestError, NotFoundError, RateLimitedError, VestibuleError
from vestibule.web.pages.rendering import Pages, get_part

Notice = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A tenant as one of its administrators has it before them."""

    identity: VerifiedIdentity
    view: TenantView
    standing: Membership

    @property
    def tenant_id(self) -> str:
        return self.view.tenant.tenant_id

    @property
    def policy(self) -> Policy:
        return self.view.tenant.policy

    @property
    def path(self) -> str:
        return settings_path(self.tenant_id)

    @property
    def is_owner(self) -> bool:
        return self.standing.role == OWNER


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form to show again: its name, what was typed, and what is wrong with which field."""

    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """The heading above it."""
        return self.name.partition(":")[0]


BLANK = Form()
_FAULTY = "Nothing was changed yet."


def settings_path(tenant_id: str) -> str:
    return f"/tenants/{quote(tenant_id, safe='')}/settings"


async def enter(pages: Pages, request: Request) -> Screen:
    """The tenant in the path, for whoever is signed in.

    Raises:
        NotAuthenticatedError, NotFoundError, NotPermittedError: nobody, a stranger, no administrator.
    """
    identity = await pages.get_identity(request)
    view = await pages.services.runner.read(get_tenant, identity, get_part(request, "tenant_id"))
    if view.standing is None:
        raise NotFoundError
    return Screen(identity=identity, view=view, standing=view.standing)


async def render_screen(
    pages: Pages,
    request: Request,
    screen: Screen,
    template: str,
    *,
    status: int = 200,
    notice: Notice | None = None,
    form: Form = BLANK,
    **values: Any,
) -> Response:
    """*template* below the tenant's head, with the notice that the page before asked for."""
    tenant = screen.view.tenant
    told = notice or _NOTICES.get(request.query_params.get("done", ""))
    if form.errors and notice is None:
        told = ("error", _FAULTY)
    return await pages.render(
        request,
        template,
        status=status,
        tenant={"tenant_id": tenant.tenant_id, "name": tenant.name, "state": tenant.state},
        settings_url=screen.path,
        my_role=screen.standing.role,
        is_owner=screen.is_owner,
        notice=None if told is None else {"kind": told[0], "text": told[1]},
        seats=_describe_seats(screen.view),
        form={
            "name": form.name,
            "anchor": form.anchor,
            "values": dict(form.values),
            "errors": dict(form.errors),
        },
        **values,
    )


def read_faults(error: InvalidRequestError) -> dict[str, str]:
    """Each field at fault with what is told; of several for one field the first."""
    faults: dict[str, str] = {}
    for fault in error.faults:
        faults.setdefault(fault.pointer.strip("/").partition("/")[0], fault.message)
    return faults


def advise(error: VestibuleError) -> str:
    """What to tell a person, with how long to wait where that helps."""
    if isinstance(error, RateLimitedError):
        minutes = -(-error.retry_after // 60)
        return f"{error} Try again in {minutes} {'minute' if minutes == 1 else 'minutes'}."
    return str(error)


def _describe_seats(view: TenantView) -> dict[str, int] | None:
    return None if view.seats is None else {"used": view.seats[0], "limit": view.seats[1]}


_NOTICES: Mapping[str, Notice] = {
    "invited": ("success", "The invitation is on its way."),
    "held": (
        "warning",
        "This waits for approval. No mail has left, and nobody can accept it, until others approve it.",
    ),
    "resent": ("success", "A new mail is on its way. The old link no longer works."),
    "corrected": ("success", "A mail to the corrected address is on its way. The earlier link is dead."),
    "revoked": ("success", "The invitation is revoked. Its link no longer works."),
    "removed": ("success", "They are no longer a member."),
    "approved": ("success", "Approved. The invitation is on its way."),
    "approved_link": ("success", "Approved. It goes out by link: make a fresh link below and pass it on."),
    "counted": ("success", "Your approval counts. The request waits for more."),
    "rejected": ("success", "The request is rejected, and closed for good. Its inviter is told."),
    "policy_withdrawn": ("success", "The change is withdrawn. Nothing else has changed."),
    "withdrawn": ("success", "The request is withdrawn. Nothing was sent."),
    "refused": ("success", "The request to join is closed. Who asked is told nothing."),
    "policy_active": ("success", "The policy is in force, from the next decision on."),
    "policy_waits": (
        "warning",
        "This loosens something, so it waits for a second owner. Nothing has changed yet.",
    ),
    "policy_approved": ("success", "Approved. It can be put in force now."),
    "domain_added": ("success", "The domain is named. Create its DNS record, then check it."),
    "domain_set": ("success", "The rule of the domain is changed."),
    "domain_proved": ("success", "The record was found: the domain is proved."),
    "domain_unproved": ("warning", "The record was not found as it should be; what was found stands below."),
    "domain_removed": ("success", "The domain is removed, with its rule."),
    "connection_put": (
        "success",
        "The connection is kept. Check it, and give its redirect URI to the provider.",
    ),
    "connection_disabled": (
        "success",
        "The connection is disabled. Its sessions count for nothing any more.",
    ),
    "connection_removed": ("success", "The connection is removed, with its secret and its sessions."),
    "anonymous_created": ("success", "The event has its key. Invite people to it now."),
    "anonymous_closed": ("success", "The event is closed. No code of it counts any more."),
    "decided": ("info", "That request was decided before, or its time is over."),
    "reviewed": ("success", "The review is closed. Your note is kept with it."),
}
