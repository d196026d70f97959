# SPDX-License-Identifier: Apache-2.0
"""What the HTTP edge needs, handed in by ``bootstrap``: plain values and ports."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from vestibule.core.event import StoredEvent
from vestibule.core.limits import Limits
from vestibule.core.process import ProcessRole
from vestibule.ports import (
    AssertionVerifier,
    DomainNames,
    KeyProvider,
    LeakReporters,
    Passwords,
    RelyingParty,
    Runner,
    Sealer,
    Signatures,
)
from vestibule.web.receipts import Headers, ReceiptDesk

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One deployment's web edge. ``platform_key_hash`` is SHA-256 of the first API key, if there is one."""

    runner: Runner
    passwords: Passwords
    verifier: AssertionVerifier | None
    names: DomainNames
    public_url: str
    openid: RelyingParty
    sealer: Sealer
    signatures: Signatures
    provider: KeyProvider | None = None
    leak_reporters: LeakReporters | None = None
    limits: Limits = field(default_factory=Limits)
    origins: frozenset[str] = frozenset()
    platform_key_hash: bytes | None = field(default=None, repr=False)
    trusted_proxies: tuple[Network, ...] = ()
    refusal_floor_seconds: float = 0.15
    role: ProcessRole = ProcessRole.ALL
    receipts: ReceiptDesk | None = None

    async def receipt_for(self, event: StoredEvent | None) -> Headers:
        """The header that promises *event* will be sealed, where this deployment gives receipts."""
        return () if self.receipts is None else await self.receipts.head(event)

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """The ``__Host-`` prefix binds it to this host and to https; loopback development has no https."""
        return "__Host-vestibule-session" if self.is_https else "vestibule-session"
