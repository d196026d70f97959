# SPDX-License-Identifier: Apache-2.0
"""Sample contexts for every hosted page: the usual, the empty and the hostile."""

from typing import Any

Context = dict[str, Any]

CSRF = "sample-csrf"
ANA = {"name": "Ana Lindqvist", "email": "ana@lindqvist.example", "principal_id": "acc_7d1f"}
BEN = {"name": "Ben Okafor", "email": "ben@studio-okafor.example", "principal_id": "acc_9c20"}
LONG = "The Extraordinarily Long-Named International Cooperative for Uninterruptedtypographicalmeasurements & Sons"
TAGS = "<b>Acme</b> <script>alert(1)</script>"
RTL = "شركة الأفق للتقنية"
EXPIRES = "Saturday 28 November 2026 at 11:13 UTC"

INVITATION: Context = {
    "tenant_name": "Northwind Trading",
    "role": "member",
    "inviter_name": "Mara Holt",
    "invited_email_hint": "a••@l••••••••.example",
    "expires_text": EXPIRES,
    "expires_iso": "2026-11-28T11:13:00Z",
    "is_near_expiry": False,
    "near_text": "",
}


def _invitation(session: Context | None, is_match: bool | None, **changed: object) -> Context:
    return {"invitation": INVITATION | changed, "session": session, "is_match": is_match, "claim_ref": "c1"}


def _row(number: int, email: str, state: str = "pending", **changed: object) -> Context:
    return {
        "invitation_id": f"inv_{number}",
        "email": email,
        "role": "member",
        "state": state,
        "state_label": state.capitalize(),
        "inviter_name": "Mara Holt",
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
    "counts": {"pending": 4, "accepted": 11, "expired": 2},
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
    "fresh_link": {"url": "https://in.example/i/vst_" + "Zq7" * 20, "email": "ana@lindqvist.example", "expires_text": EXPIRES},
    "form": {
        "values": {"email": "not an <address>", "role": "admin", "message": TAGS, "deliver": "link"},
        "errors": {"email": "Give one address, such as ana@example.com.", "message": "At most 1000 characters."},
    },
    "invitations": [
        _row(1, "a" * 64 + "@" + "very-long-label." * 6 + "example", inviter_name=TAGS),
        _row(2, "x@مثال.example", inviter_name=RTL, role="مدير"),
        *[_row(i, f"p{i}@example.com", state) for i, state in enumerate(("accepted", "declined", "expired", "revoked", "held"), 3)],
    ],
    "state_filter": "all",
    "next_cursor_url": "?cursor=x",
    "members": [_member(1, TAGS, "t@example.com", "member"), _member(2, RTL, None, "مدير"), _member(3, None, None, "member")],
    "members_next_url": "?members=x",
}

SETTINGS_EMPTY: Context = SETTINGS | {
    "notice": None, "invitations": [], "members": [], "roles": [], "counts": {}, "seats": None, "my_role": "member",
}  # fmt: skip

WAITING: Context = {
    "invitation_id": "i1",
    "tenant_name": "Northwind Trading",
    "role": "member",
    "inviter_name": "Mara Holt",
    "expires_text": EXPIRES,
    "accept_url": "/me/i1/accept",
    "decline_url": "/me/i1/decline",
}
MEMBERSHIP: Context = {"tenant_id": "t", "tenant_name": "Harbour Robotics", "role": "admin", "settings_url": "/tenants/t/settings"}
MAIL: Context = {
    "mailbox_url": "/mailbox",
    "to": "ana@lindqvist.example",
    "from_": "Vestibule <hello@vestibule.example>",
    "subject": "Mara Holt invites you to Northwind Trading",
    "received_text": "21 Nov 2026, 11:13:04 UTC",
    "text": "Hello,\n\nMara Holt invites you to join Northwind Trading.\n\nhttp://localhost:8000/i/vst_sample\n",
    "html_url": "/mail.html",
    "links": ["http://localhost:8000/i/vst_sample", "javascript:alert(1)"],
}

SIGN_IN: Context = {"next": "/invitation", "email": "", "error": None, "hint": "a••@l••••••••.example"}
SIGN_UP: Context = {"locked_hint": "a••@l••••••••.example", "email": None, "name": "", "error": None, "faults": {}}

#: page name -> (template, context); the csrf value is added to each.
PAGES: dict[str, tuple[str, Context]] = {
    "home-out": ("home.html", {"session": None, "memberships": [], "invitations": []}),
    "home": ("home.html", {"session": ANA, "memberships": [MEMBERSHIP], "invitations": [WAITING, WAITING | {"tenant_name": LONG, "inviter_name": None}]}),
    "home-empty": ("home.html", {"session": ANA | {"name": None}, "memberships": [], "invitations": []}),
    "invitation-out": ("invitation.html", _invitation(None, None)),
    "invitation-match": ("invitation.html", _invitation(ANA, True)),
    "invitation-near": ("invitation.html", _invitation(ANA, True, is_near_expiry=True, near_text="less than 5 hours left", role="admin")),
    "invitation-other": ("invitation.html", _invitation(BEN, False)),
    "invitation-long": ("invitation.html", _invitation(ANA, True, tenant_name=LONG, inviter_name=LONG)),
    "invitation-tags": ("invitation.html", _invitation(None, None, tenant_name=TAGS, inviter_name=None, role="<i>root</i>")),
    "invitation-rtl": ("invitation.html", _invitation(ANA, True, tenant_name=RTL, inviter_name=RTL, role="عضو")),
    "accepted": ("accepted.html", {"session": ANA, "tenant_name": "Northwind Trading", "role": "member", "kept_role": False, "members_url": "/m"}),
    "accepted-kept": ("accepted.html", {"tenant_name": LONG, "role": "admin", "kept_role": True, "members_url": None}),
    "declined": ("declined.html", {}),
    "already": ("already_member.html", {"session": ANA, "tenant_name": "Northwind Trading", "role": "member"}),
    "unavailable": ("unavailable.html", {"can_request": True, "claim_ref": "c1", "session": None}),
    "unavailable-plain": ("unavailable.html", {"can_request": False, "claim_ref": None, "session": ANA}),
    "requested": ("requested.html", {}),
    "sign-in": ("sign_in.html", SIGN_IN),
    "sign-in-error": ("sign_in.html", SIGN_IN | {"email": "ana@lindqvist.example", "error": "That address and password don’t belong together.", "hint": None}),
    "sign-up": ("sign_up.html", SIGN_UP),
    "sign-up-error": ("sign_up.html", SIGN_UP | {"locked_hint": None, "email": "ana@", "faults": {"email": "Give the whole address, such as ana@example.com.", "password": "Use at least 12 characters."}}),
    "verify": ("verify.html", {"address_hint": "a••@l••••••••.example", "error": None, "resent": False}),
    "verify-error": ("verify.html", {"address_hint": "a••@l••••••••.example", "error": "That code doesn’t match. Check the newest mail.", "resent": True}),
    "settings": ("settings.html", SETTINGS),
    "settings-hostile": ("settings.html", SETTINGS_HOSTILE),
    "settings-empty": ("settings.html", SETTINGS_EMPTY),
    "confirm": ("confirm.html", {"title": "Revoke this invitation?", "text": "The link stops working at once. You can invite the same address again later.", "facts": [{"label": "Address", "value": "ana@lindqvist.example"}, {"label": "Role", "value": "member"}], "action_url": "/x", "confirm_label": "Revoke invitation", "cancel_url": "/y", "is_danger": True}),
    "error": ("error.html", {"title": "Too many tries", "text": "Please wait 30 seconds, then try again.", "request_id": "req_01JD3Z6Q"}),
    "mailbox": ("mailbox.html", {"messages": [{"url": "/mailbox/1", "to": MAIL["to"], "subject": MAIL["subject"], "received_text": MAIL["received_text"]}, {"url": "/mailbox/2", "to": MAIL["to"], "subject": "Your code: " + TAGS, "received_text": MAIL["received_text"]}]}),
    "mailbox-empty": ("mailbox.html", {"messages": []}),
    "mailbox-message": ("mailbox_message.html", MAIL),
}  # fmt: skip
