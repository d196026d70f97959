# SPDX-License-Identifier: Apache-2.0
"""What the world says of a domain: its TXT record by DNS, and the lists of where anybody can have an address.

The record counts only at its very name: an alias (CNAME, DNAME) is not followed. A wildcard alias to a
hosting service is common, and whoever holds the service's end could answer for the whole domain.

The list of public mail providers need not be complete: such a domain can only be proved by who runs its zone.
It is there so that the mistake is told at once.
"""

from __future__ import annotations

from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
from disposable_email_domains import blocklist
from publicsuffixlist import PublicSuffixList

from vestibule.core.domain import DomainAnswer, DomainFinding, DomainKind

TRY_SECONDS = 2.0
LOOK_SECONDS = 6.0
# What fits through every path without fragments; a longer answer comes by TCP.
_UDP_PAYLOAD = 1232

_PUBLIC_MAIL = frozenset(Path(__file__).with_name("public_mail.txt").read_text(encoding="ascii").split())

Server = tuple[str, int]


class WorldNames:
    """Implements ``ports.DomainNames``. Without *servers* it asks those of this machine."""

    def __init__(self, servers: tuple[Server, ...] = (), *, patience: float = LOOK_SECONDS) -> None:
        self._suffixes = PublicSuffixList()
        self._servers = servers
        self._patience = patience

    def classify(self, domain: str) -> DomainKind | None:
        if self._suffixes.is_public(domain):
            return DomainKind.PUBLIC_SUFFIX
        # Whoever hands out addresses below a name hands them out at the name, and the other way round.
        names = {domain, self._suffixes.privatesuffix(domain)}
        if names & _PUBLIC_MAIL:
            return DomainKind.PUBLIC_MAIL
        return DomainKind.DISPOSABLE if names & blocklist else None

    async def look_up(self, name: str) -> DomainAnswer:
        try:
            wanted = dns.name.from_text(name + ".")
            answer = await self._resolver().resolve(wanted, dns.rdatatype.TXT, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return DomainAnswer()
        except dns.exception.Timeout:
            return DomainAnswer(fault=DomainFinding.TIMED_OUT)
        except (dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration, OSError):
            return DomainAnswer(fault=DomainFinding.SERVER_FAILED)
        except (dns.exception.DNSException, ValueError):
            return DomainAnswer(fault=DomainFinding.MALFORMED)
        if answer.canonical_name != wanted or answer.rrset is None or answer.rrset.name != wanted:
            return DomainAnswer(fault=DomainFinding.ALIAS)
        # One record is one text, in however many strings it is written (RFC 7208 3.3 says the same for SPF).
        return DomainAnswer(
            texts=[b"".join(record.strings).decode("ascii", "replace") for record in answer.rrset]
        )

    def _resolver(self) -> dns.asyncresolver.Resolver:
        # Fresh for each look: no cache, so that "look now" means now.
        resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._servers]
        resolver.timeout = min(TRY_SECONDS, self._patience)
        resolver.lifetime = self._patience
        resolver.use_edns(0, 0, _UDP_PAYLOAD)
        return resolver
