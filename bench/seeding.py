# SPDX-License-Identifier: Apache-2.0
"""Fills a database with tenants and invitations, and keeps the secrets that the load generator presents."""

from __future__ import annotations

import json
from dataclasses import dataclass

import psycopg

from vestibule.core.token import ClaimToken, mint_claim_token

TENANTS = 10_000
HOT = "hot"
_SEATS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimable:
    """One invitation that the generator may claim, with its token."""

    token: ClaimToken
    number: int

    @property
    def email(self) -> str:
        return f"p{self.number}@bench.example"


def seed_tenants(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Spread tenants without a limit and one hot tenant with one, an owner each."""
    plain, limited = "{}", json.dumps({"seat_limit": _SEATS})
    connection.execute(
        """INSERT INTO vestibule_tenants (tenant_id, name, policy, policy_version, created_at)
        SELECT 't' || n, 'Tenant ' || n, %(plain)s, 1, clock_timestamp() FROM generate_series(0, %(last)s) n
        UNION ALL SELECT %(hot)s, 'Hot', %(limited)s, 1, clock_timestamp()""",
        {"plain": plain, "limited": limited, "last": TENANTS - 1, "hot": HOT},
    )
    connection.execute(
        """INSERT INTO vestibule_memberships (tenant_id, principal_id, role, created_at)
        SELECT tenant_id, 'owner-' || tenant_id, 'owner', clock_timestamp() FROM vestibule_tenants"""
    )
    connection.execute(
        """INSERT INTO vestibule_principals (principal_id, name, asserted_at)
        SELECT 'owner-' || tenant_id, 'Owner', clock_timestamp() FROM vestibule_tenants"""
    )
    connection.execute(
        "INSERT INTO vestibule_seat_shards SELECT %(hot)s, n, %(part)s, 0 FROM generate_series(0, 7) n",
        {"hot": HOT, "part": _SEATS // 8},
    )


def seed_rows(
    connection: psycopg.Connection[tuple[object, ...]],
    prefix: str,
    count: int,
    *,
    tenant: str,
    first: int = 1,
) -> None:
    """Pending invitations with predictable ids and hashes, for pgbench and to make tables large.

    *tenant* is an SQL expression over ``n``.
    """
    connection.execute(
        f"""INSERT INTO vestibule_invitations (invitation_id, tenant_id, role, invited_email, inviter_principal_id, target,
          claim_token_hash, generation, created_at, expires_at, policy_version, has_reservation, locale,
          send_count, issued_ip, issued_ua, source, correlation_id)
        SELECT '{prefix}-' || n, {tenant}, 'member', '{prefix}' || n || '@bench.example', 'owner-' || {tenant}, '',
          sha256(convert_to('{prefix}-' || n, 'UTF8')), 1, clock_timestamp() - n * interval '1 millisecond',
          clock_timestamp() + interval '7 days', 1, false, 'en', 1, '', '', 'bench', ''
        FROM generate_series({first}, {first + count - 1}) n"""
    )


def seed_claimable(
    connection: psycopg.Connection[tuple[object, ...]], count: int, *, start: int, tenant: str | None = None
) -> list[Claimable]:
    """Pending invitations with real tokens; spread over all tenants unless one is named."""
    made = [Claimable(token=mint_claim_token(), number=start + n) for n in range(count)]
    rows = [
        {
            "id": f"c-{one.number}",
            "tenant": tenant or f"t{one.number % TENANTS}",
            "email": one.email,
            "hash": one.token.claim_token_hash.hex(),
        }
        for one in made
    ]
    connection.execute(
        """INSERT INTO vestibule_invitations (invitation_id, tenant_id, role, invited_email, inviter_principal_id, target,
          claim_token_hash, generation, created_at, expires_at, policy_version, has_reservation, locale,
          send_count, issued_ip, issued_ua, source, correlation_id)
        SELECT id, tenant, 'member', email, 'owner-' || tenant, '', decode(hash, 'hex'), 1, clock_timestamp(),
          clock_timestamp() + interval '7 days', 1, false, 'en', 1, '', '', 'bench', ''
        FROM jsonb_to_recordset(CAST(%s AS jsonb)) AS r (id text, tenant text, email text, hash text)""",
        [json.dumps(rows)],
    )
    return made
