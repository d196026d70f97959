# SPDX-License-Identifier: Apache-2.0
"""Who is asking: a verified identity, the host backend by key, and what surrounds a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from vestibule.core.email import EmailAddress

Scope = Literal["tenants", "members", "principals", "directory"]
ALL_SCOPES: frozenset[Scope] = frozenset(("tenants", "members", "principals", "directory"))
# Only for keys that are bound to one tenant: whose directory would it be?
DIRECTORY_SCOPE: Scope = "directory"
PRINCIPAL_ID_MAX = 255
LOCAL_NAMES = "local|"
KEY_NAMES = "key|"
# The rule of a tenant's domain, where it is the rule itself that promises (core/domain.py).
RULE_NAMES = "domain|"
_SCHEMES = ("https://", "http://")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAddress:
    """An address that is verified now, and by what evidence (``host``, ``code``, ``google``, ``sso``, …).

    With a *tenant_id* the evidence counts in that tenant only: its own identity provider gave it.
    """

    address: EmailAddress
    evidence: str
    tenant_id: str | None = None

    def counts_in(self, tenant_id: str) -> bool:
        """Does the evidence say anything to that tenant?"""
        return self.tenant_id in {None, tenant_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIdentity:
    """A principal, its verified addresses with evidence, and its connection, as of now.

    Addresses that are not verified never get into this value (ACC-03).
    """

    principal_id: str
    addresses: tuple[VerifiedAddress, ...] = ()
    name: str | None = None
    connection: str | None = None
    authenticated_at: datetime | None = None
    amr: tuple[str, ...] = ()
    # Signed in on our own pages, where a tenant may demand another way; a host's word is the host's.
    is_session: bool = False
    # Whose connection it is: what a tenant's own provider says counts in that tenant only.
    connection_tenant_id: str | None = None

    def find_evidence(self, address: EmailAddress, tenant_id: str) -> VerifiedAddress | None:
        """The verified address equal to *address*, byte for byte, whose evidence counts in that tenant."""
        return next((one for one in self.addresses_in(tenant_id) if one.address == address), None)

    @property
    def shown(self) -> tuple[EmailAddress, ...]:
        """Its addresses, whichever tenant their evidence counts in."""
        return tuple(one.address for one in self.addresses)

    def addresses_in(self, tenant_id: str) -> tuple[VerifiedAddress, ...]:
        """Those whose evidence counts in that tenant."""
        return tuple(one for one in self.addresses if one.tenant_id in {None, tenant_id})

    def came_through(self, connection: str, tenant_id: str) -> bool:
        """Through that connection, if it is the deployment's, the host's, or that tenant's own."""
        return self.connection == connection and self.connection_tenant_id in {None, tenant_id}

    @property
    def lasting_addresses(self) -> tuple[EmailAddress, ...]:
        """Those that are verified whichever tenant asks: what may be remembered of the principal."""
        return tuple(one.address for one in self.addresses if one.tenant_id is None)


def is_reserved(principal_id: str) -> bool:
    """Is this a name that is ours to give? Local accounts, keys, rules, and every ``issuer|subject``.

    No host assertion may speak as one of them, whichever connections there are or will be.
    """
    if principal_id.startswith((LOCAL_NAMES, KEY_NAMES, RULE_NAMES)):
        return True
    return principal_id.lower().startswith(_SCHEMES) and "|" in principal_id


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAct:
    """One thing that the host ordered by its signature, for once: ``act_id`` is spent with it."""

    act: Literal["offboard"]
    principal_id: str
    act_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """The host backend, or an operator at the command line: limited to its scopes, perhaps to one tenant."""

    key_id: str
    scopes: frozenset[Scope] = ALL_SCOPES
    tenant_id: str | None = None
    act: HostAct | None = None


Actor = VerifiedIdentity | HostKey


def actor_id(actor: Actor) -> str:
    """The name under which *actor* stands in the audit trail."""
    return f"{KEY_NAMES}{actor.key_id}" if isinstance(actor, HostKey) else actor.principal_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """Forensic surroundings of one request (ISS-08). Never used to decide who gets in."""

    correlation_id: str
    ip: str = ""
    user_agent: str = ""
    source: Literal["api", "page", "cli", "library", "worker"] = "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRequest:
    """A caller's wish that a repeat has no second effect (ISS-11).

    ``scope_hash`` covers principal, method, concrete path and key; ``body_hash`` covers the body.
    """

    scope_hash: bytes = field(repr=False)
    body_hash: bytes = field(repr=False)
