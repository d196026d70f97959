# SPDX-License-Identifier: Apache-2.0
"""A connection in words, and the draft that a form makes. The secret is in the draft only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from vestibule.core.connecting import BUILT_IN, choose_issuer
from vestibule.core.connection import Connection, ConnectionDraft, Provider
from vestibule.errors import FieldFault, InvalidRequestError
from vestibule.web.pages.settings.frame import Screen

# The id of a connection that was just asked, and what was found.
Checked = tuple[str, Sequence[str]]
PROVIDERS: Mapping[Provider, str] = {
    "generic": "OpenID Connect (Okta, Keycloak, Auth0, …)",
    "entra_single": "Microsoft Entra ID, one directory",
    "entra": "Microsoft, any directory",
    "google": "Google",
    "apple": "Apple",
}


def describe_connection(
    one: Connection, screen: Screen, public_url: str, checked: Checked | None
) -> dict[str, Any]:
    """One connection for the list, with what asking its provider came to."""
    is_checked = checked is not None and checked[0] == one.connection_id
    return {
        "connection_id": one.connection_id,
        "url": f"{screen.path}/connections/{quote(one.connection_id, safe='')}",
        "name": one.name,
        "provider": PROVIDERS[one.provider],
        "issuer": one.issuer,
        "client_id": one.client_id,
        "has_secret": one.sealed_secret is not None,
        "is_disabled": one.is_disabled,
        "is_required": screen.policy.require_connection == one.connection_id,
        "redirect_uri": f"{public_url}/sign-in/callback/{one.connection_id}",
        "findings": list(checked[1]) if checked is not None and is_checked else None,
    }


def describe_required(screen: Screen, own: Sequence[str]) -> dict[str, object]:
    """How people must sign in, by policy."""
    required = screen.policy.require_connection
    return {
        "connection_id": required,
        "is_own": required in own,
        "is_built_in": required in BUILT_IN,
        "guests": sorted(screen.policy.connection_exceptions),
    }


def read_draft(form: Mapping[str, str]) -> ConnectionDraft:
    """What the form says.

    Raises:
        InvalidRequestError: a field can't be read; the rest is the action's to judge.
    """
    chosen = form.get("provider", "generic")
    if chosen not in PROVIDERS:
        raise InvalidRequestError(FieldFault("/provider", "Choose one of the list."))
    provider = cast("Provider", chosen)
    return ConnectionDraft(
        name=form.get("name", "").strip(),
        provider=provider,
        issuer=choose_issuer(provider, form.get("issuer", "").strip() or None),
        client_id=form.get("client_id", "").strip(),
        secret=form.get("client_secret") or None,
        is_disabled=form.get("is_disabled") == "yes",
    )


def read_values(one: Connection) -> dict[str, str]:
    """The form as it says what is, without the secret."""
    return {
        "connection_id": one.connection_id,
        "name": one.name,
        "provider": one.provider,
        "issuer": one.issuer,
        "client_id": one.client_id,
        "is_disabled": "yes" if one.is_disabled else "",
    }
