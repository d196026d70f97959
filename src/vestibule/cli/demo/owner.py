# SPDX-License-Identifier: Apache-2.0
"""The seeded tenant and its owner. A kept directory keeps the owner's password, too, for its user alone."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path

from vestibule.actions.accounts.sign_in import create_account
from vestibule.actions.members.put_member import MemberDraft, put_member
from vestibule.actions.tenants.put_tenant import put_tenant
from vestibule.cli.demo.world import World
from vestibule.core.email import EmailAddress
from vestibule.core.identity import HostKey, RequestContext
from vestibule.core.policy import OWNER
from vestibule.core.token import mint_id, mint_secret
from vestibule.identity import passwords

TENANT_ID = "acme"
_NAME = "Olivia Owner"
_EMAIL = "owner@acme.example"
_FILE = "owner-password"
_DEMO = HostKey(key_id="demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who may sign in, and how."""

    tenant_id: str = TENANT_ID
    email: str = _EMAIL
    password: str = field(repr=False)


async def seed_owner(world: World, folder: Path) -> Owner:
    """The tenant Acme and its owner exist, from now or from an earlier run in this *folder*."""
    kept = folder / _FILE
    if kept.exists():
        return Owner(password=kept.read_text(encoding="utf-8").strip())
    owner = Owner(password=mint_password())
    context = RequestContext(correlation_id=mint_id(), source="cli")
    address = EmailAddress.parse_input(owner.email)
    hashed = await asyncio.to_thread(passwords.hash_password, owner.password)
    run = world.deployment.runner.run
    await run(put_tenant, _DEMO, TENANT_ID, name="Acme", policy=None, context=context)
    account_id = await run(create_account, _DEMO, address, name=_NAME, password_hash=hashed, context=context)
    draft = MemberDraft(role=OWNER, email=address, name=_NAME)
    await run(put_member, _DEMO, TENANT_ID, account_id, draft, context=context)
    kept.touch(mode=0o600)
    kept.write_text(owner.password + "\n", encoding="utf-8")
    return owner


def mint_password() -> str:
    """A password for one demonstration."""
    # Letters and digits in groups, so that it can be typed: 20 of them are 100 bits and more.
    plain = re.sub(r"[^0-9A-Za-z]", "", mint_secret("") + mint_secret(""))[:20]
    return "-".join(plain[start : start + 5] for start in range(0, len(plain), 5))
