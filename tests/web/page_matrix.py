# SPDX-License-Identifier: Apache-2.0
"""Who may do what on the hosted pages, as data: a row for every route says from whom on it opens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

ACTORS = ("anonymous", "key", "stranger", "other_owner", "member", "admin", "owner")
Opens = Literal["anybody", "signed in", "nobody", "member", "admin", "owner"]
# opens to: who is let in. "nobody": these invitations and doors are somebody else's.
LET_IN: dict[str, frozenset[str]] = {
    "signed in": frozenset(ACTORS[2:]),
    "nobody": frozenset(),
    "member": frozenset(ACTORS[4:]),
    "admin": frozenset(ACTORS[5:]),
    "owner": frozenset(ACTORS[6:]),
}
_SETTINGS = "/tenants/{tenant_id}/settings"
PAGES: dict[str, Opens] = {
    "GET /": "anybody",
    "GET /i/{token:path}": "anybody",
    "GET /invitation": "anybody",
    "GET /invitation/block": "anybody",
    "POST /invitation/block": "anybody",
    "POST /invitation/report": "anybody",
    "POST /invitation/request-new": "anybody",
    "GET /sign-in": "anybody",
    "POST /sign-in": "anybody",
    "GET /sign-in/with/{connection_id}": "anybody",
    "POST /sign-in/with/{connection_id}": "anybody",
    "GET /sign-in/callback/{connection_id}": "anybody",
    "POST /sign-in/callback/{connection_id}": "anybody",
    "POST /sign-out": "anybody",
    "GET /sign-up": "anybody",
    "POST /sign-up": "anybody",
    "GET /verify": "anybody",
    "POST /verify": "anybody",
    "POST /verify/resend": "anybody",
    "GET /sign-in/again": "signed in",
    "POST /sign-in/again": "signed in",
    "POST /my/tenants/{tenant_id}/ask": "signed in",
    "POST /my/tenants/{tenant_id}/join": "member",
    "POST /my/invitations/{invitation_id}/accept": "nobody",
    "POST /my/invitations/{invitation_id}/decline": "nobody",
    "POST /invitation/accept": "nobody",
    "POST /invitation/decline": "nobody",
    "GET /tenants/{tenant_id}": "member",
    "GET /tenants/{tenant_id}/anonymous/{anonymous_id}": "nobody",
    "GET /anonymous/{anonymous_id}/redeem": "anybody",
    "POST /anonymous/{anonymous_id}/redeem": "anybody",
    f"GET {_SETTINGS}/anonymous": "admin",
    f"POST {_SETTINGS}/anonymous": "admin",
    f"POST {_SETTINGS}/anonymous/{{anonymous_id}}/close": "admin",
    f"GET {_SETTINGS}": "admin",
    f"POST {_SETTINGS}/invitations": "admin",
    f"POST {_SETTINGS}/invitations/{{invitation_id}}/resend": "admin",
    f"POST {_SETTINGS}/invitations/{{invitation_id}}/link": "admin",
    f"GET {_SETTINGS}/invitations/{{invitation_id}}/correct": "admin",
    f"POST {_SETTINGS}/invitations/{{invitation_id}}/correct": "admin",
    f"GET {_SETTINGS}/invitations/{{invitation_id}}/revoke": "admin",
    f"POST {_SETTINGS}/invitations/{{invitation_id}}/revoke": "admin",
    f"GET {_SETTINGS}/approvals/{{invitation_id}}": "admin",
    f"POST {_SETTINGS}/approvals/{{invitation_id}}/approve": "owner",
    f"POST {_SETTINGS}/approvals/{{invitation_id}}/reject": "owner",
    f"POST {_SETTINGS}/reviews/{{invitation_id}}": "admin",
    f"POST {_SETTINGS}/join-requests/{{request_id}}/approve": "admin",
    f"POST {_SETTINGS}/join-requests/{{request_id}}/reject": "admin",
    f"GET {_SETTINGS}/members/{{principal_id:path}}/remove": "admin",
    f"POST {_SETTINGS}/members/{{principal_id:path}}/remove": "admin",
    f"GET {_SETTINGS}/policy": "admin",
    f"POST {_SETTINGS}/policy/draft": "admin",
    f"POST {_SETTINGS}/policy/changes": "owner",
    f"GET {_SETTINGS}/policy/changes/{{change_id}}": "admin",
    f"POST {_SETTINGS}/policy/changes/{{change_id}}/approve": "owner",
    f"POST {_SETTINGS}/policy/changes/{{change_id}}/withdraw": "owner",
    f"POST {_SETTINGS}/policy/changes/{{change_id}}/activate": "owner",
    f"GET {_SETTINGS}/policy/rollback": "admin",
    f"POST {_SETTINGS}/policy/rollback": "owner",
    f"POST {_SETTINGS}/domains": "owner",
    f"POST {_SETTINGS}/domains/{{domain}}": "owner",
    f"POST {_SETTINGS}/domains/{{domain}}/check": "owner",
    f"GET {_SETTINGS}/domains/{{domain}}/remove": "admin",
    f"POST {_SETTINGS}/domains/{{domain}}/remove": "owner",
    f"GET {_SETTINGS}/history": "admin",
    f"GET {_SETTINGS}/history/{{event_id}}": "admin",
    f"GET {_SETTINGS}/connections": "admin",
    f"POST {_SETTINGS}/connections": "owner",
    f"GET {_SETTINGS}/connections/{{connection_id}}": "admin",
    f"POST {_SETTINGS}/connections/{{connection_id}}": "owner",
    f"POST {_SETTINGS}/connections/{{connection_id}}/check": "admin",
    f"POST {_SETTINGS}/connections/{{connection_id}}/disable": "owner",
    f"GET {_SETTINGS}/connections/{{connection_id}}/remove": "admin",
    f"POST {_SETTINGS}/connections/{{connection_id}}/remove": "owner",
}
# A refused claim stands in the trail.
RECORDED = {"POST /my/invitations/{invitation_id}/accept", "POST /my/invitations/{invitation_id}/decline"}
# One form that every page finds its fields in.
FORM = {
    "email": "new@example.com", "role": "member", "note": "All is well.", "rung": "request",
    "domain_name": "new.example.org", "connection_id": "new", "name": "Acme", "issuer": "https://127.0.0.1",
    "client_id": "client", "document": '{"id": "draft"}', "deliver": "email", "provider": "generic",
    "closes_at": (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M"),
}  # fmt: skip
