# SPDX-License-Identifier: Apache-2.0
"""A tenant's settings, for whoever administers it: people and approvals, policy and domains,
connections, anonymous events, history.

Four screens, one module for each subject on them. Every right is checked by the action, none here; what
somebody may not do is said in words instead of a button.
"""

from __future__ import annotations

from starlette.routing import Route

from vestibule.web.pages.rendering import Pages
from vestibule.web.pages.settings.anonymity import anonymity_routes
from vestibule.web.pages.settings.approvals import approval_routes
from vestibule.web.pages.settings.connections import connection_routes
from vestibule.web.pages.settings.domains import domain_routes
from vestibule.web.pages.settings.history import history_routes
from vestibule.web.pages.settings.invitations import invitation_routes
from vestibule.web.pages.settings.joining import joining_routes
from vestibule.web.pages.settings.members import member_routes
from vestibule.web.pages.settings.policy import policy_routes


def settings_routes(pages: Pages) -> list[Route]:
    """The routes of all four screens."""
    people = [
        *invitation_routes(pages),
        *approval_routes(pages),
        *joining_routes(pages),
        *member_routes(pages),
    ]
    rules = [*policy_routes(pages), *domain_routes(pages)]
    rest = [*connection_routes(pages), *anonymity_routes(pages), *history_routes(pages)]
    return [*people, *rules, *rest]
