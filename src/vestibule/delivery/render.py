# SPDX-License-Identifier: Apache-2.0
"""From a letter to a mail: text and HTML, built from the email key, read back before it may leave.

Guarantees, or ``PermanentDeliveryError``:

* ``To`` is the letter's key alone, byte for byte, when the serialised mail is parsed (G03, G05);
* the serialised mail has our headers, each once, and no other (G-note);
* the only links are the letter's own (G07, G09); what people typed is defused and escaped (G01, G04, G17);
* a one-time code stands in the body only, never in the subject, which lock screens show.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.core.message import Letter
from vestibule.delivery.defuse import defuse, defuse_text
from vestibule.delivery.wire import list_addresses, read_back, wire_policy
from vestibule.errors import PermanentDeliveryError

PRODUCT = "Vestibule"
_HEADERS = frozenset(
    {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
        "MIME-Version", "Content-Type",
    }
)  # fmt: skip
# In an invitation: the leaf hash of the event that promised it.
_LEAF = "X-Vestibule-Leaf"
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CODE = re.compile(r"[0-9]{8}")
_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Whom our mails are from: the key of the ``From`` address and the name before it."""

    address_key: str
    name: str = PRODUCT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a kind of letter is given, and how its subject reads from the defused values."""

    # Our own words, shown as they are.
    words: frozenset[str] = frozenset()
    # What people typed: one line, or several.
    names: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    has_link: bool = False
    has_code: bool = False
    subject: Callable[[Mapping[str, str]], str]


_KINDS: Mapping[str, _Kind] = {
    "invitation_mail": _Kind(
        words=frozenset({"expires_text", "thumbprints"}),
        names=frozenset({"tenant_name", "role", "inviter_name"}),
        texts=frozenset({"message"}),
        has_link=True,
        subject=lambda values: f"You are invited to join “{values['tenant_name']}”",
    ),
    "accepted_notice": _Kind(
        words=frozenset({"kept_role"}),
        names=frozenset({"tenant_name", "role", "member_name"}),
        subject=lambda values: f"Your invitation to “{values['tenant_name']}” was accepted",
    ),
    "declined_notice": _Kind(
        names=frozenset({"tenant_name", "role", "invited_hint"}),
        subject=lambda values: f"Your invitation to “{values['tenant_name']}” was declined",
    ),
    "renewal_notice": _Kind(
        names=frozenset({"tenant_name", "invited_hint", "asker_address"}),
        urls=frozenset({"settings_url"}),
        subject=lambda values: f"Somebody asks for a new invitation to “{values['tenant_name']}”",
    ),
    "leak_notice": _Kind(
        words=frozenset({"outcome"}),
        names=frozenset({"tenant_name", "invited_hint"}),
        urls=frozenset({"settings_url"}),
        subject=lambda values: f"A link to “{values['tenant_name']}” has leaked",
    ),
    "approval_notice": _Kind(
        words=frozenset({"expires_text"}),
        names=frozenset({"tenant_name", "role", "inviter_name"}),
        texts=frozenset({"justification"}),
        urls=frozenset({"settings_url"}),
        subject=lambda values: f"A request for “{values['tenant_name']}” waits for your decision",
    ),
    "break_glass_notice": _Kind(
        words=frozenset({"expires_text"}),
        names=frozenset({"tenant_name", "role", "inviter_name"}),
        texts=frozenset({"justification"}),
        urls=frozenset({"settings_url"}),
        subject=lambda values: f"Emergency access to “{values['tenant_name']}” was taken",
    ),
    "decision_notice": _Kind(
        words=frozenset({"is_approved"}),
        names=frozenset({"tenant_name", "role", "invited_hint"}),
        subject=lambda values: f"Your request for “{values['tenant_name']}” was decided",
    ),
    "ending_notice": _Kind(
        words=frozenset({"expires_text"}),
        names=frozenset({"tenant_name", "role"}),
        subject=lambda values: f"Your access to “{values['tenant_name']}” is about to end",
    ),
    "join_request_notice": _Kind(
        names=frozenset({"tenant_name", "asker_name", "asker_address"}),
        urls=frozenset({"settings_url"}),
        subject=lambda values: f"Somebody asks to join “{values['tenant_name']}”",
    ),
    "domain_notice": _Kind(
        words=frozenset({"ends_text"}),
        names=frozenset({"tenant_name", "domain", "record_name", "record_value"}),
        urls=frozenset({"settings_url"}),
        subject=lambda values: f"The proof of a domain of “{values['tenant_name']}” is missing",
    ),
    "code_mail": _Kind(
        words=frozenset({"minutes"}), has_code=True, subject=lambda _: "Your code to confirm this address"
    ),
    "account_exists_mail": _Kind(
        urls=frozenset({"sign_in_url"}), subject=lambda _: "You already have an account"
    ),
}


def _environment(*, autoescape: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=autoescape,  # noqa: S701 - the text part is no markup; the HTML part escapes
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


# Two, so that escaping follows from the kind of part and not from a file's name.
_TEXT = _environment(autoescape=False)
_HTML = _environment(autoescape=True)


def render(letter: Letter, *, sender: Sender, public_url: str, now: datetime) -> EmailMessage:
    """The mail for *letter*, dated *now*, ready for the wire.

    Raises:
        PermanentDeliveryError: the letter lacks or has a value that no mail can be built from, or the
            built mail does not read back as what was meant.
    """
    kind = _KINDS.get(letter.kind)
    if kind is None:
        raise PermanentDeliveryError(f"no mail is written for letters of the kind {letter.kind}")
    recipient = _address(letter.recipient.address_key)
    wire = wire_policy(recipient.addr_spec)
    values = _values(letter, kind)
    subject = kind.subject(values)
    mail = EmailMessage(policy=wire)
    try:
        mail["From"] = _address(sender.address_key, defuse(sender.name))
        mail["To"] = recipient
        mail["Subject"] = subject
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = _message_id(letter.message_id, public_url, now)
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        if letter.leaf_hash is not None:
            mail[_LEAF] = letter.leaf_hash.hex()
        context = {**values, "subject": subject, "sender_name": defuse(sender.name)}
        text = _TEXT.get_template(f"{letter.kind}.txt.j2").render(context)
        html = _HTML.get_template(f"{letter.kind}.html.j2").render(context)
        mail.set_content(text, cte="quoted-printable")
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
    except (ValueError, MessageError) as problem:
        # The text of the problem may quote an address.
        raise PermanentDeliveryError(f"the mail can't be built ({type(problem).__name__})") from None
    _check_as_received(mail, letter=letter, sender=sender, subject=subject)
    return mail


def _address(key: str, display_name: str = "") -> Address:
    try:
        address = EmailAddress.parse_input(key, smtputf8=True)
    except AddressFaultError:
        raise PermanentDeliveryError("the address of the letter is not an email key") from None
    # A key that is not canonical shows when the mail is read back.
    return Address(display_name=display_name, username=address.local, domain=address.domain)


def _values(letter: Letter, kind: _Kind) -> dict[str, str]:
    values: dict[str, str] = {}
    try:
        values.update({name: letter.values[name] for name in kind.words})
        values.update({name: defuse(letter.values[name]) for name in kind.names})
        values.update({name: defuse_text(letter.values[name]) for name in kind.texts})
        values.update({name: _url(letter.values[name]) for name in kind.urls})
    except KeyError as missing:
        raise PermanentDeliveryError(f"a letter of the kind {letter.kind} lacks {missing.args[0]}") from None
    if kind.has_link:
        values["link"] = _url(letter.link or "")
    if kind.has_code:
        if not _CODE.fullmatch(letter.code or ""):
            raise PermanentDeliveryError("a code mail needs a code of eight digits")
        values["code"] = f"{letter.code[:4]} {letter.code[4:]}" if letter.code else ""
    return values


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise PermanentDeliveryError("a link of the letter is not a plain http or https URL")
    return text


def _message_id(message_id: str, public_url: str, now: datetime) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise PermanentDeliveryError("the message id of the letter is not plain")
    host = urlsplit(public_url).hostname or "localhost"
    domain = f"[IPv6:{host}]" if ":" in host else host
    # The moment makes each try its own mail: a second try has a fresh token, and a mailbox that drops
    # what it takes for a duplicate would keep the dead one.
    return f"<{message_id}.{now:%Y%m%d%H%M%S}@{domain}>"


def _check_as_received(mail: EmailMessage, *, letter: Letter, sender: Sender, subject: str) -> None:
    wire = wire_policy(letter.recipient.address_key)
    received = read_back(mail.as_bytes(policy=wire), wire)
    names = received.keys()
    wanted = _HEADERS if letter.leaf_hash is None else _HEADERS | {_LEAF}
    if len(names) != len(wanted) or set(names) != wanted:
        raise PermanentDeliveryError("the built mail has other headers than it was given")
    if list_addresses(received, "To") != [letter.recipient.address_key]:
        raise PermanentDeliveryError("the built mail is not addressed to the email key")
    if list_addresses(received, "From") != [sender.address_key]:
        raise PermanentDeliveryError("the built mail is not from the sender")
    if received["Subject"] != subject or received.defects:
        raise PermanentDeliveryError("the built mail reads otherwise than it was written")
