# SPDX-License-Identifier: Apache-2.0
"""Letters that are right until a test bends them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from vestibule.core.message import Letter, Recipient
from vestibule.delivery.render import Sender, render

PUBLIC_URL = "https://invite.example"
LINK = "https://brand.example/i/not-a-token"
SENDER = Sender(address_key="no-reply@invite.example", name="Example Invitations")
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
TO = "v@acme.com"

VALUES: dict[str, dict[str, str]] = {
    "invitation_mail": {
        "tenant_name": "Acme",
        "role": "member",
        "inviter_name": "Ada",
        "expires_text": "28 November 2026, 12:00 UTC",
        "message": "",
        "thumbprints": "",
    },
    "accepted_notice": {"tenant_name": "Acme", "role": "member", "member_name": "Vera", "kept_role": ""},
    "declined_notice": {"tenant_name": "Acme", "role": "member", "invited_hint": "v***@acme.com"},
    "leak_notice": {
        "tenant_name": "Acme",
        "invited_hint": "v***@example.com",
        "outcome": "reissued",
        "settings_url": "https://invite.example/tenants/acme/settings",
    },
    "renewal_notice": {
        "tenant_name": "Acme",
        "invited_hint": "v***@acme.com",
        "asker_address": "vera@home.example",
        "settings_url": "https://invite.example/settings",
    },
    "approval_notice": {
        "tenant_name": "Acme",
        "role": "owner",
        "inviter_name": "Ada",
        "justification": "",
        "expires_text": "28 November 2026, 12:00 UTC",
        "settings_url": "https://invite.example/tenants/acme/settings",
    },
    "break_glass_notice": {
        "tenant_name": "Acme",
        "role": "prod_admin",
        "inviter_name": "Ada",
        "justification": "The database is down",
        "expires_text": "28 November 2026, 12:00 UTC",
        "settings_url": "https://invite.example/tenants/acme/settings",
    },
    "decision_notice": {
        "tenant_name": "Acme",
        "role": "owner",
        "invited_hint": "v***@acme.com",
        "is_approved": "yes",
    },
    "ending_notice": {
        "tenant_name": "Acme",
        "role": "member",
        "expires_text": "28 November 2026, 12:00 UTC",
    },
    "join_request_notice": {
        "tenant_name": "Acme",
        "asker_name": "Ann",
        "asker_address": "ann@home.example",
        "settings_url": "https://invite.example/settings",
    },
    "domain_notice": {
        "tenant_name": "Acme",
        "domain": "acme.com",
        "record_name": "_vestibule.acme.com",
        "record_value": "vestibule-domain=00112233445566778899aabbccddeeff",
        "ends_text": "28 November 2026, 12:00 UTC",
        "settings_url": "https://invite.example/settings",
    },
    "code_mail": {"minutes": "10"},
    "account_exists_mail": {"sign_in_url": "https://invite.example/sign-in"},
}
KINDS = tuple(VALUES)


def make_letter(kind: str = "invitation_mail", *, to: str = TO, **changes: Any) -> Letter:
    """A letter of *kind*; *changes* to its fields, or to single ``values`` by their name."""
    fields: dict[str, Any] = {
        "message_id": "m-1",
        "locale": "en",
        "link": LINK if kind == "invitation_mail" else None,
        "code": "12345678" if kind == "code_mail" else None,
    }
    values = dict(VALUES[kind])
    for name, value in changes.items():
        (values if name in values else fields)[name] = value
    return Letter(kind=kind, recipient=Recipient(address_key=to), values=values, **fields)


def make_mail(kind: str = "invitation_mail", *, sender: Sender = SENDER, **changes: Any) -> EmailMessage:
    return render(make_letter(kind, **changes), sender=sender, public_url=PUBLIC_URL, now=NOW)


def part(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body(preferencelist=(subtype,))
    assert body is not None
    return str(body.get_content())
