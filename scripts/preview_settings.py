# SPDX-License-Identifier: Apache-2.0
"""Sample contexts of the settings screen of people and approvals."""

from preview_names import EXPIRES, LONG, RTL, TAGS, Context

BLANK: Context = {"name": "", "anchor": "", "values": {}, "errors": {}}
OFFER: Context = {
    "roles": [
        {"role": "member", "remark": "open for 7 days"},
        {"role": "admin", "remark": "open for 2 days, needs 1 approval"},
        {"role": "owner", "remark": "open for 1 day, needs 1 approval"},
    ],
    "spans": [{"seconds": "3600", "text": "1 hour after it begins"}],
    "reasoned": [],
    "limited": ["admin: at most 8 hours"],
    "resources": [{"field": "grant:r1", "name": "Design system"}, {"field": "grant:r2", "name": LONG}],
    "more_resources": True,
}


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
        "grant_count": 0,
        "delivery_text": "",
    } | changed


def _member(number: int, name: str | None, email: str | None, role: str, **changed: object) -> Context:
    return {
        "principal_id": f"acc_{number}",
        "name": name,
        "email": email,
        "role": role,
        "since_text": "3 Sep 2026",
        "expires_text": None,
        "held": [],
        "remove_url": f"/tenants/northwind/settings/members/acc_{number}/remove",
        "is_you": False,
    } | changed


SETTINGS: Context = {
    "tenant": {"tenant_id": "northwind", "name": "Northwind Trading", "state": "active"},
    "settings_url": "/tenants/northwind/settings",
    "is_owner": True,
    "session": {"name": "Mara Holt", "email": "mara@northwind.example", "principal_id": "acc_1"},
    "my_role": "owner",
    "notice": {"kind": "success", "text": "The invitation is on its way."},
    "fresh_link": None,
    "form": BLANK,
    "offer": OFFER,
    "held": {"rows": [], "has_more": False},
    "joining": [],
    "reviews": [],
    "invitations": [
        _row(1, "ana@lindqvist.example"),
        _row(2, "tomas.brandt@hafenkontor.example", role="admin", is_near_expiry=True, send_count=3),
        _row(3, "j.moreau@atelier-moreau.example"),
        _row(4, "ines@ferreira.example", last_sent_text=None, send_count=0, delivery_text="By link"),
    ],
    "state_filter": "pending",
    "next_cursor_url": None,
    "members": [
        _member(1, "Mara Holt", "mara@northwind.example", "owner", is_you=True, remove_url=None),
        _member(2, "Yusuf Demir", "yusuf@northwind.example", "admin"),
        _member(
            3,
            None,
            "lea@contractor.example",
            "member",
            expires_text="31 Dec 2026, 23:00 UTC",
            held=["Design system: editor", "Billing: reader, ends 31 Dec 2026, 23:00 UTC"],
        ),
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
        "name": "invite",
        "anchor": "invite",
        "values": {"email": "not an <address>", "role": "admin", "message": TAGS, "deliver": "link"},
        "errors": {
            "email": "Give one address, such as ana@example.com.",
            "message": "At most 1000 characters.",
            "justification": "This role is granted for a stated reason.",
        },
    },
    "held": {
        "rows": [
            _row(20, "owner@acme.example", "held", role="owner", is_own=True),
            _row(21, "a" * 64 + "@acme.example", "held", role="admin", is_own=False, grant_count=3),
        ],
        "has_more": True,
    },
    "joining": [
        {"request_id": "j1", "email": "ann@northwind.example", "name": RTL, "created_text": EXPIRES},
        {"request_id": "j2", "email": "b" * 60 + "@acme.example", "name": None, "created_text": EXPIRES},
    ],
    "reviews": [
        {"invitation_id": f"r{n}", "who": name, "role": "breakglass", "opened_text": EXPIRES}
        | {"due_text": EXPIRES, "is_own": n == 2}
        for n, name in enumerate((TAGS, LONG), 1)
    ],
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
    "offer": OFFER | {"roles": []},
    "seats": None,
    "my_role": "member",
}
