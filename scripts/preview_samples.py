# SPDX-License-Identifier: Apache-2.0
"""Sample contexts for every hosted page: the usual, the empty and the hostile."""

from preview_names import ANA, BEN, EXPIRES, LONG, RTL, TAGS, Context
from preview_rules import RULES
from preview_settings import SETTINGS, SETTINGS_EMPTY, SETTINGS_HOSTILE

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


def _invitation(session: Context | None, *, is_match: bool | None = None, **changed: object) -> Context:
    shared = {"session": session, "is_match": is_match, "claim_ref": "c1", "demanded": None}
    return {"invitation": INVITATION | changed, **shared}


WAITING: Context = {
    "invitation_id": "i1",
    "tenant_name": "Northwind Trading",
    "role": "member",
    "inviter_name": "Mara Holt",
    "expires_text": EXPIRES,
    "accept_url": "/me/i1/accept",
    "decline_url": "/me/i1/decline",
}
MEMBERSHIP: Context = {
    "tenant_id": "t",
    "tenant_name": "Harbour Robotics",
    "role": "admin",
    "members_url": "/tenants/t",
    "settings_url": "/tenants/t/settings",
}
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

DOOR: Context = {"tenant_name": "Harbour Robotics", "domain": "lindqvist.example"} | dict.fromkeys(
    ("join_url", "ask_url", "needs_connection")
)
WAY: Context = {"connection_id": "corp-sso", "name": "Corporate sign-in"}
SIGN_IN: Context = {
    "next": "/invitation",
    "email": "",
    "error": None,
    "hint": "a••@l••••••••.example",
    "ways": [],
    "is_local_offered": True,
}
AGAIN: Context = {"session": ANA, "next": "/x", "max_age": 300, "error": None, "way": None, "is_local": True}
SIGN_UP: Context = {
    "locked_hint": "a••@l••••••••.example",
    "name": "",
    "faults": {},
}

#: page name -> (template, context).
PAGES: dict[str, tuple[str, Context]] = {
    "home-out": ("home.html", {"session": None, "memberships": [], "invitations": []}),
    "home": (
        "home.html",
        {
            "session": ANA,
            "memberships": [MEMBERSHIP],
            "invitations": [WAITING, WAITING | {"tenant_name": LONG, "inviter_name": None}],
            "asked": True,
            "doors": [DOOR | {"join_url": "/j"}, DOOR | {"tenant_name": LONG, "ask_url": "/a"}, DOOR],
        },
    ),
    "home-empty": (
        "home.html",
        {"session": ANA | {"name": None}, "memberships": [], "invitations": [], "doors": [], "asked": False},
    ),
    "invitation-out": ("invitation.html", _invitation(None)),
    "invitation-match": ("invitation.html", _invitation(ANA, is_match=True)),
    "invitation-near": (
        "invitation.html",
        _invitation(
            ANA, is_match=True, is_near_expiry=True, near_text="less than 5 hours left", role="admin"
        ),
    ),
    "invitation-other": ("invitation.html", _invitation(BEN, is_match=False)),
    "invitation-long": (
        "invitation.html",
        _invitation(ANA, is_match=True, tenant_name=LONG, inviter_name=LONG),
    ),
    "invitation-tags": (
        "invitation.html",
        _invitation(None, tenant_name=TAGS, inviter_name=None, role="<i>root</i>"),
    ),
    "invitation-rtl": (
        "invitation.html",
        _invitation(ANA, is_match=True, tenant_name=RTL, inviter_name=RTL, role="عضو"),
    ),
    "invitation-demanded": ("invitation.html", _invitation(ANA, is_match=True) | {"demanded": WAY}),
    "refuse-mail": ("refuse_mail.html", _invitation(None, tenant_name=LONG)),
    "mail-refused": ("mail_refused.html", {"tenant_name": LONG, "is_report": True}),
    "connection-required": ("connection_required.html", {"session": None, "way": WAY, "next": "/x"}),
    "sign-in-with": ("sign_in_with.html", {"way": WAY, "next": "/x"}),
    "sign-in-failed": ("sign_in_failed.html", {"text": "Nothing was lost.", "connection_id": "corp-sso"}),
    "sign-in-again": ("sign_in_again.html", AGAIN),
    "sign-in-again-with": ("sign_in_again.html", AGAIN | {"way": WAY, "is_local": False}),
    "sign-in-ways": ("sign_in.html", SIGN_IN | {"ways": [WAY, WAY | {"name": LONG}]}),
    "members": (
        "members.html",
        {
            "session": ANA,
            "tenant": {"name": LONG, "tenant_id": "t"},
            "members": [{"name": TAGS, "role": "member", "since_text": "3 September 2026", "is_you": True}],
            "members_next_url": None,
            "joined": True,
            "settings_url": "/s",
            "calendar_url": "/c.ics",
        },
    ),
    "accepted": (
        "accepted.html",
        {
            "session": ANA,
            "tenant_name": "Northwind Trading",
            "role": "member",
            "kept_role": False,
            "members_url": "/m",
            "calendar_url": "/c",
        },
    ),
    "accepted-kept": (
        "accepted.html",
        {"tenant_name": LONG, "role": "admin", "kept_role": True, "members_url": None, "calendar_url": None},
    ),
    "declined": ("declined.html", {}),
    "already": (
        "already_member.html",
        {"session": ANA, "tenant_name": "Northwind Trading", "role": "member", "members_url": "/m"},
    ),
    "unavailable": ("unavailable.html", {"can_request": True, "claim_ref": "c1", "session": None}),
    "unavailable-plain": ("unavailable.html", {"can_request": False, "claim_ref": None, "session": ANA}),
    "requested": ("requested.html", {}),
    "sign-in": ("sign_in.html", SIGN_IN),
    "sign-in-error": (
        "sign_in.html",
        SIGN_IN
        | {
            "email": "ana@lindqvist.example",
            "error": "That address and password do not belong together.",
            "hint": None,
        },
    ),
    "sign-up": ("sign_up.html", SIGN_UP),
    "sign-up-error": (
        "sign_up.html",
        SIGN_UP
        | {
            "faults": {"password": "Use at least 12 characters."},
        },
    ),
    "verify": ("verify.html", {"address_hint": "a••@l••••••••.example", "error": None, "resent": False}),
    "verify-error": (
        "verify.html",
        {
            "address_hint": "a••@l••••••••.example",
            "error": "That code does not match. Check the newest mail.",
            "resent": True,
        },
    ),
    "settings": ("settings_people.html", SETTINGS),
    "settings-hostile": ("settings_people.html", SETTINGS_HOSTILE),
    "settings-empty": ("settings_people.html", SETTINGS_EMPTY),
    **RULES,
    "confirm": (
        "confirm.html",
        {
            "title": "Revoke this invitation?",
            "text": "The link stops working at once. You can invite the same address again later.",
            "facts": [
                {"label": "Address", "value": "ana@lindqvist.example"},
                {"label": "Role", "value": "member"},
            ],
            "action_url": "/x",
            "confirm_label": "Revoke invitation",
            "cancel_url": "/y",
            "is_danger": True,
        },
    ),
    "error": (
        "error.html",
        {
            "title": "Too many tries",
            "text": "Please wait 30 seconds, then try again.",
            "request_id": "req_01JD3Z6Q",
        },
    ),
    "mailbox": (
        "mailbox.html",
        {
            "messages": [
                {
                    "url": "/mailbox/1",
                    "to": MAIL["to"],
                    "subject": MAIL["subject"],
                    "received_text": MAIL["received_text"],
                },
                {
                    "url": "/mailbox/2",
                    "to": MAIL["to"],
                    "subject": "Your code: " + TAGS,
                    "received_text": MAIL["received_text"],
                },
            ]
        },
    ),
    "mailbox-empty": ("mailbox.html", {"messages": []}),
    "mailbox-message": ("mailbox_message.html", MAIL),
}
