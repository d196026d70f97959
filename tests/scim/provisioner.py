# SPDX-License-Identifier: Apache-2.0
"""A tenant and its directory: what Entra, Okta and OneLogin do over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import sqlalchemy as sa

from tests.web.harness import Key, Person, World
from vestibule.actions.api_keys import create_key
from vestibule.bootstrap import build_plain_runner
from vestibule.core.identity import HostKey, RequestContext, Scope
from vestibule.storage.schema import audit_events

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def make_directory_key(world: World, tenant_id: str, *scopes: Scope) -> Key:
    runner = build_plain_runner(world.settings)
    try:
        made = runner.run(
            create_key,
            HostKey(key_id="test"),
            name="directory",
            scopes=frozenset(scopes or ("directory",)),
            tenant_id=tenant_id,
            context=RequestContext(correlation_id="test"),
        )
    finally:
        runner.close()
    return Key(made.secret)


class Provisioner:
    """One tenant with its owner, and the key of its directory."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owner = world.new_person("owner")
        self.tenant_id = world.new_tenant(owner=self.owner)
        self.key = make_directory_key(world, self.tenant_id)

    def call(
        self, method: str, path: str, body: object = ..., *, kind: str = "application/scim+json"
    ) -> httpx2.Response:
        content = None if body is ... else json.dumps(body).encode()
        return self.world.call(
            method, f"/scim/v2{path}", self.key, content=content, headers={"content-type": kind}
        )

    def add(self, user_name: str, **said: Any) -> str:
        """A user as POSTed; its id."""
        answer = self.call("POST", "/Users", {"schemas": [USER], "userName": user_name, **said})
        assert answer.status_code == 201, answer.text
        user_id: str = answer.json()["id"]
        return user_id

    def patch(self, user_id: str, *operations: object) -> httpx2.Response:
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return self.call("PATCH", f"/Users/{user_id}", body)

    def member(self, role: str = "member") -> tuple[Person, str]:
        """Somebody who joined by an invitation and whom the directory knows, active."""
        who = self.world.new_person("staff")
        invited = self.world.invite(self.tenant_id, self.owner, who.emails[0], role)
        assert self.world.call("POST", f"{invited.road}/accept", who).status_code == 204
        return who, self.add(who.emails[0], active=True)

    def events(self, kind: str) -> list[dict[str, Any]]:
        query = sa.select(audit_events.c.body).where(
            audit_events.c.tenant_id == self.tenant_id, audit_events.c.kind == kind
        )
        return [json.loads(row.body) for row in self.world.rows(query)]
