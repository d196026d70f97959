# SPDX-License-Identifier: Apache-2.0
"""Connections to OpenID providers: what one is, and what its word is worth.

``judge_claims`` is the one rule for whose address counts as verified (ACC-03, ACC-05). Its input is the
claims of an ID token that ``identity.oidc`` has validated. By provider:

* ``google``: ``email_verified``, and the address is Google's own or of the account's Workspace (``hd``)
* ``entra`` (any Microsoft tenant): only with ``xms_edov``; anybody can write ``email`` there (nOAuth)
* ``entra_single`` and ``generic`` vouch for nothing by themselves: they are a tenant's own directory
* ``apple``: verified, but for relay addresses, which nobody was ever invited by

What came through a tenant's own connection counts in that tenant only, and only while the tenant proves the
address's domain; ``narrow_addresses`` asks that at each use, not only at sign-in. There, too, ``google``,
``entra`` and ``apple`` must pass their own rule first: those providers are not the tenant's.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, get_args

from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.core.identity import PRINCIPAL_ID_MAX, VerifiedAddress, VerifiedIdentity
from vestibule.core.naming import MEMBER_NAME_MAX, clean_name
from vestibule.core.tenant import Tenant
from vestibule.errors import ConnectionRequiredError, ProviderError

Provider = Literal["generic", "google", "entra", "entra_single", "apple"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)
CONNECTION_ID_PATTERN = r"[a-z0-9][a-z0-9_-]{0,63}"
UNKNOWN_AMR = "unknown"
ENTRA_ISSUER = "https://login.microsoftonline.com/{tenantid}/v2.0"
_EVIDENCE = MappingProxyType({"google": "google", "entra": "entra_edov", "apple": "apple"})
TENANT_EVIDENCE = "sso"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A way to sign in. Without a *tenant_id* it is the deployment's, for every tenant.

    ``sealed_secret`` is ciphertext bound to the id; its plain form exists only while a code is redeemed.
    """

    connection_id: str
    tenant_id: str
    name: str
    provider: Provider
    issuer: str
    client_id: str
    sealed_secret: bytes | None = field(default=None, repr=False)
    amr_map: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    is_disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionDraft:
    """A connection as an administrator wants it. Without *secret* it keeps the one it has."""

    name: str
    provider: Provider
    issuer: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    amr_map: Mapping[str, str] = field(default_factory=dict)
    is_disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A sign-in that has left for its provider."""

    connection_id: str
    next_path: str
    max_age: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInProof:
    """What ties an answer to the browser that asked, derived from the secret in its cookie only."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """PKCE ``S256`` of the verifier (RFC 7636)."""
        return _encode(hashlib.sha256(self.verifier.encode()).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What a provider's word comes to, before a tenant's proofs narrow it."""

    principal_id: str
    name: str | None
    addresses: tuple[VerifiedAddress, ...]
    amr: tuple[str, ...]
    authenticated_at: datetime | None


def derive_proof(secret: str) -> SignInProof:
    """Three values that say nothing about each other or the secret."""

    def derive(label: str) -> str:
        return _encode(hmac.digest(secret.encode(), b"vestibule sign-in " + label.encode(), "sha256"))

    return SignInProof(state=derive("state"), nonce=derive("nonce"), verifier=derive("verifier"))


def judge_claims(connection: Connection, claims: Mapping[str, Any]) -> Assertion:
    """Who this is, by the validated *claims* of an ID token, and which addresses count as verified.

    Raises:
        ProviderError: the claims name nobody.
    """
    address = _read_verified(connection, claims)
    scope = connection.tenant_id or None
    evidence = _EVIDENCE.get(connection.provider, TENANT_EVIDENCE)
    found = () if address is None else (VerifiedAddress(address=address, evidence=evidence, tenant_id=scope),)
    return Assertion(
        principal_id=_name_principal(connection, claims),
        name=clean_name(claims.get("name"), MEMBER_NAME_MAX),
        addresses=found,
        amr=_translate_amr(connection, claims.get("amr")),
        authenticated_at=_read_moment(claims.get("auth_time")),
    )


def narrow_addresses(
    addresses: Iterable[VerifiedAddress], proven_domains: Collection[str]
) -> tuple[VerifiedAddress, ...]:
    """Those that count now: of a tenant's connection, only those of a domain it proves now."""
    return tuple(one for one in addresses if one.tenant_id is None or one.address.domain in proven_domains)


def check_connection(tenant: Tenant, identity: VerifiedIdentity) -> None:
    """A session came the way that the tenant demands (ACC-05); a host's word for its people is the host's.

    Raises:
        ConnectionRequiredError: it did not.
    """
    policy = tenant.policy
    required = policy.require_connection
    if required is None or not identity.is_session or identity.came_through(required, tenant.tenant_id):
        return
    # Guests by exception list, by an address that is verified now.
    if any(policy.connection_for(one.address) is None for one in identity.addresses_in(tenant.tenant_id)):
        return
    raise ConnectionRequiredError(required)


def matches_issuer(connection: Connection, claims: Mapping[str, Any]) -> bool:
    """Is ``iss`` the connection's? Of Microsoft's template, the one of the token's own tenant (``tid``)."""
    issuer = claims.get("iss")
    if connection.provider != "entra":
        return bool(issuer == connection.issuer)
    tid = claims.get("tid")
    if not isinstance(tid, str) or not tid.replace("-", "").isalnum() or len(tid) > 64:
        return False
    return bool(issuer == ENTRA_ISSUER.replace("{tenantid}", tid))


def _read_verified(connection: Connection, claims: Mapping[str, Any]) -> EmailAddress | None:
    try:
        address = EmailAddress.parse_claim(claims.get("email"))
    except AddressFaultError:
        return None
    return address if _VOUCHES[connection.provider](connection, claims, address) else None


def _google_vouches(_: Connection, claims: Mapping[str, Any], address: EmailAddress) -> bool:
    if claims.get("email_verified") is not True:
        return False
    return address.domain == "gmail.com" or claims.get("hd") == address.domain


def _entra_vouches(_: Connection, claims: Mapping[str, Any], __: EmailAddress) -> bool:
    return _is_true(claims.get("xms_edov"))


def _apple_vouches(_: Connection, claims: Mapping[str, Any], __: EmailAddress) -> bool:
    is_private = claims.get("is_private_email", False)
    return _is_true(claims.get("email_verified")) and is_private in (False, "false")


def _directory_vouches(connection: Connection, claims: Mapping[str, Any], _: EmailAddress) -> bool:
    # A guest's address is the word of the directory that the guest came from.
    is_guest = claims.get("idp", connection.issuer) != connection.issuer
    return bool(connection.tenant_id) and not is_guest


def _stranger_vouches(connection: Connection, claims: Mapping[str, Any], _: EmailAddress) -> bool:
    return bool(connection.tenant_id) and claims.get("email_verified") is True


_VOUCHES = {
    "generic": _stranger_vouches,
    "google": _google_vouches,
    "entra": _entra_vouches,
    "entra_single": _directory_vouches,
    "apple": _apple_vouches,
}


def _is_true(value: object) -> bool:
    """For providers that are known to send booleans as texts."""
    return value is True or value == "true"


def _name_principal(connection: Connection, claims: Mapping[str, Any]) -> str:
    # Microsoft's ``sub`` differs by application; ``oid`` in its directory (which ``iss`` names) does not.
    is_entra = connection.provider in ("entra", "entra_single")
    subject, issuer = claims.get("oid" if is_entra else "sub"), claims.get("iss")
    if not isinstance(subject, str) or not subject or not subject.isprintable() or subject != subject.strip():
        raise ProviderError("subject", "The provider does not say who this is.")
    name = f"{issuer}|{subject}"
    if len(name) > PRINCIPAL_ID_MAX or "\ufffd" in name:
        raise ProviderError("subject", "The provider's name for this person is too long.")
    return name


def _translate_amr(connection: Connection, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    known = (
        connection.amr_map.get(one, UNKNOWN_AMR) if isinstance(one, str) else UNKNOWN_AMR
        for one in value[:20]
    )
    return tuple(dict.fromkeys(known))


def _read_moment(value: object) -> datetime | None:
    # type() and not isinstance(): True is an int in Python, and not a time.
    if type(value) is not int or not 0 <= value < 2**33:
        return None
    return datetime.fromtimestamp(value, UTC)


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
