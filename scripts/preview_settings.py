# SPDX-License-Identifier: Apache-2.0
"""Sample contexts of the settings screen."""

from preview_names import EXPIRES, LONG, RTL, TAGS, Context


def _row(number: int, email: str, state: str = "pending", **changed: object) -> Context:
    return {
        "invitation_id": f"inv_{number}",
        "email": email,
        "role": "member",
        "state": state,
        "state_label": state.capitalize(),
        "created_text": "21 Nov 2026",
        "expires_text": "28 Nov 2026, 11:13 UTC",
        "is_near_expiry": False,
        "send_count": 1,
        "last_sent_text": "21 Nov 2026, 11:13 UTC",
        "can_resend": True,
        "delivery_text": "Handed to the mail server",
    } | changed


def _member(number: int, name: str | None, email: str | None, role: str, **changed: object) -> Context:
    return {
        "principal_id": f"acc_{number}",
        "name": name,
        "email": email,
        "role": role,
        "since_text": "3 Sep 2026",
        "expires_text": None,
        "remove_url": f"/tenants/northwind/settings/members/acc_{number}/remove",
        "is_you": False,
    } | changed


SETTINGS: Context = {
    "tenant": {"tenant_id": "northwind", "name": "Northwind Trading", "state": "active"},
    "settings_url": "/tenants/northwind/settings",
    "session": {"name": "Mara Holt", "email": "mara@northwind.example", "principal_id": "acc_1"},
    "my_role": "owner",
    "notice": {"kind": "success", "text": "The invitation is on its way."},
    "fresh_link": None,
    "form": {"values": {}, "errors": {}},
    "roles": [{"role": "member", "ttl_text": "7 days"}, {"role": "admin", "ttl_text": "48 hours"}],
    "invitations": [
        _row(1, "ana@lindqvist.example"),
        _row(2, "tomas.brandt@hafenkontor.example", role="admin", is_near_expiry=True, send_count=3),
        _row(3, "j.moreau@atelier-moreau.example", can_resend=False),
        _row(4, "ines@ferreira.example", last_sent_text=None, send_count=0, delivery_text="By link"),
    ],
    "state_filter": "pending",
    "next_cursor_url": None,
    "members": [
        _member(1, "Mara Holt", "mara@northwind.example", "owner", is_you=True, remove_url=None),
        _member(2, "Yusuf Demir", "yusuf@northwind.example", "admin"),
        _member(3, None, "lea@contractor.example", "member", expires_text="31 Dec 2026, 23:00 UTC"),
    ],
    "members_next_url": None,
    "seats": {"used": 12, "limit": 20},
}

SETTINGS_HOSTILE: Context = SETTINGS | {
    "tenant": {"tenant_id": "x", "name": LONG, "state": "suspended"},
    "notice": {"kind": "error", "text": "The invitation was not sent. Mend the marked fields."},
    "fresh_link": {
        "url": "https://in.example/i/vst_" + "Zq7" * 20,
        "email": "ana@lindqvist.example",
        "expires_text": EXPIRES,
    },
    "form": {
        "values": {"email": "not an <address>", "role": "admin", "message": TAGS, "deliver": "link"},
        "errors": {
            "email": "Give one address, such as ana@example.com.",
            "message": "At most 1000 characters.",
        },
    },
    "invitations": [
        _row(1, "a" * 64 + "@" + "very-long-label." * 6 + "example"),
        _row(2, "x@مثال.example", role="مدير"),
        *[
            _row(i, f"p{i}@example.com", state)
            for i, state in enumerate(("accepted", "declined", "expired", "revoked", "held"), 3)
        ],
    ],
    "state_filter": "all",
    "next_cursor_url": "?cursor=x",
    "members": [
        _member(1, TAGS, "t@example.com", "member"),
        _member(2, RTL, None, "مدير"),
        _member(3, None, None, "member"),
    ],
    "members_next_url": "?members=x",
}

SETTINGS_EMPTY: Context = SETTINGS | {
    "notice": None,
    "invitations": [],
    "members": [],
    "roles": [],
    "seats": None,
    "my_role": "member",
}
