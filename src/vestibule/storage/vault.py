# SPDX-License-Identifier: Apache-2.0
"""Between an address and its stored form, in one transaction (TOK-08, CRYPTO.md 2.4).

Without a sealer the two are the same. With one, tables hold indices, by tenant; the addresses themselves
stand sealed in ``vestibule_subjects``, and what was erased there can't be read anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from vestibule.core.policy import NOTHING, load_policy
from vestibule.core.privacy import EVERYWHERE, is_sealed, name_unkept, read_unkept
from vestibule.ports.privacy import AddressSealer, Subject
from vestibule.storage.deployment import BASE_POLICY
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.schema import invitations, subjects, tenants

_CHUNK = 500


def read_subject(row: sa.Row[Any]) -> Subject:
    return Subject(
        scope=row.scope,
        subject=row.subject,
        kek_id=row.kek_id,
        wrapped_key=row.wrapped_key,
        sealed=row.sealed,
    )


class Vault:
    """Stored forms, for the stores of one unit of work."""

    def __init__(self, connection: sa.Connection, sealer: AddressSealer | None) -> None:
        self._connection = connection
        self._sealer = sealer
        self._known: dict[tuple[str, str], Subject] = {}
        self._blind = {EVERYWHERE: False}

    @property
    def is_sealed(self) -> bool:
        return self._sealer is not None

    def is_blind(self, scope: str) -> bool:
        """Does this tenant keep no address? Then nothing stands behind its indices (TOK-08)."""
        if self._sealer is None:
            return False
        if scope not in self._blind:
            query = sa.select(tenants.c.policy, BASE_POLICY).where(tenants.c.tenant_id == scope)
            row = self._connection.execute(query).first()
            policy = None if row is None else load_policy(row.base_policy or NOTHING, row.policy)
            self._blind[scope] = policy is not None and policy.is_blind
        return self._blind[scope]

    def form(self, scope: str, address: str) -> str:
        """What stands in a table for *address*."""
        if self._sealer is None:
            return address
        return read_unkept(address) or self._sealer.index(scope, address)

    def domain_form(self, scope: str, domain: str) -> str:
        return domain if self._sealer is None else self._sealer.index_domain(scope, domain)

    def blind(self, digest: bytes) -> bytes:
        """What stands for a digest over an address."""
        return digest if self._sealer is None else self._sealer.blind(digest)

    def keep(self, scope: str, address: str) -> str:
        """The same, and the address itself can be read from it afterwards, unless the tenant keeps none."""
        stored = self.form(scope, address)
        if self._sealer is None or read_unkept(address) is not None:
            return stored
        if self._find(scope, stored) is None:
            made = self._sealer.make_subject(scope, address)
            if self.is_blind(scope):
                made = replace(made, sealed="")
            values = {"scope": scope, "subject": stored, "kek_id": made.kek_id}
            values |= {"wrapped_key": made.wrapped_key, "sealed": made.sealed}
            if insert_unless_there(self._connection, subjects, values):
                self._known[scope, stored] = made
        return stored

    def address(self, scope: str, stored: str) -> str:
        """The address behind a stored form."""
        if self._sealer is None or not is_sealed(stored):
            return stored
        subject = self._find(scope, stored)
        if subject is None or not subject.sealed:
            return name_unkept(stored)
        return self._sealer.open_address(subject)

    def prefetch(self, wanted: Iterable[tuple[str, str | None]]) -> None:
        """Whatever ``address`` will be asked of these is read in one go."""
        if self._sealer is None:
            return
        missing = {(scope, stored) for scope, stored in wanted if stored and is_sealed(stored)}
        todo = sorted(missing - self._known.keys())
        for start in range(0, len(todo), _CHUNK):
            pairs = sa.tuple_(subjects.c.scope, subjects.c.subject).in_(todo[start : start + _CHUNK])
            for row in self._connection.execute(sa.select(subjects).where(pairs)):
                self._known[row.scope, row.subject] = read_subject(row)

    def seal(self, scope: str, stored: str, place: str, said: dict[str, Any]) -> bytes | None:
        """What was said of the person behind *stored*, sealed; None where nothing is, or nothing was said."""
        if self._sealer is None or not any(said.values()):
            return None
        subject = self._find(scope, stored)
        assert subject is not None
        return self._sealer.seal_text(subject, place, json.dumps(said))

    def open(self, scope: str, stored: str, place: str, sealed: bytes | None) -> dict[str, Any]:
        """What was said; nothing where the person was erased."""
        if self._sealer is None or sealed is None or (subject := self._find(scope, stored)) is None:
            return {}
        said: dict[str, Any] = json.loads(self._sealer.open_text(subject, place, bytes(sealed)))
        return said

    def find_forms(self, addresses: Iterable[str]) -> Sequence[str]:
        """The forms under which these addresses stand in the invitations of any tenant.

        The index of one tenant says nothing of another's, so each tenant's is made and looked up.
        """
        wanted = list(addresses)
        if self._sealer is None or not wanted:
            return wanted
        ids = list(self._connection.execute(sa.select(tenants.c.tenant_id)).scalars())
        found: list[str] = []
        for start in range(0, len(ids), _CHUNK):
            forms = [self.form(one, key) for one in ids[start : start + _CHUNK] for key in wanted]
            query = sa.select(invitations.c.invited_email).distinct()
            found += self._connection.execute(query.where(invitations.c.invited_email.in_(forms))).scalars()
        return found

    def make_subjects(self, addresses: Iterable[str]) -> Sequence[Subject]:
        """For a statement that keeps the addresses of nobody's tenant by itself."""
        if self._sealer is None:
            return []
        return [self._sealer.make_subject(EVERYWHERE, address) for address in addresses]

    def _find(self, scope: str, stored: str) -> Subject | None:
        known = self._known.get((scope, stored))
        if known is None:
            query = sa.select(subjects).where(subjects.c.scope == scope, subjects.c.subject == stored)
            row = self._connection.execute(query).first()
            if row is None:
                return None
            known = self._known[scope, stored] = read_subject(row)
        return known
