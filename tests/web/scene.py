# SPDX-License-Identifier: Apache-2.0
"""One tenant with everybody in it and everything that an operation may be about."""

from __future__ import annotations

from functools import cached_property

import httpx2
import sqlalchemy as sa

from tests.web.harness import PLATFORM, Invited, Key, Person, Who, World, person
from tests.web.roads import ANONYMOUS, CONNECTION, ROADS
from vestibule.actions.api_keys import create_key
from vestibule.bootstrap import build_plain_runner
from vestibule.core.identity import HostKey, RequestContext, Scope
from vestibule.storage.schema import audit_events


class Scene:
    """One tenant with everybody in it, an invitation, and people from elsewhere."""

    def __init__(self, world: World, *, weak: Key) -> None:
        self.world = world
        self.owner: Person = world.new_person("owner")
        self.admin: Person = world.new_person("admin")
        self.member: Person = world.new_person("member")
        self.colleague: Person = world.new_person("colleague")
        self.tenant_id: str = world.new_tenant(owner=self.owner)
        for who, role in ((self.admin, "admin"), (self.member, "member"), (self.colleague, "member")):
            world.put_member(self.tenant_id, who, role)
        self.weak = weak
        self.change: str = self.home + "/policy/changes/none"
        self.decision: str = self.home + "/policy/decisions/none"

    # Only what a test asks for is made.

    @cached_property
    def invited(self) -> Invited:
        email = f"{self.world.fresh('vera')}@example.com"
        return self.world.invite(self.tenant_id, self.owner, email)

    @cached_property
    def other_owner(self) -> Person:
        return self.world.new_person("other")

    @cached_property
    def other_tenant_id(self) -> str:
        return self.world.new_tenant(owner=self.other_owner)

    @cached_property
    def our_connection(self) -> str:
        """The road to a connection for every tenant."""
        return self._connect(f"/v1/connections/{self.tenant_id.lower()}-ours")

    @cached_property
    def connection(self) -> str:
        """The road to a connection of the tenant's own."""
        return self._connect(f"{self.home}/connections/{self.tenant_id.lower()}-own")

    def _connect(self, place: str) -> str:
        assert self.world.call("PUT", place, PLATFORM, body=CONNECTION).status_code == 201
        return place

    def prepare(self, operation: str) -> None:
        """What an operation on policies needs: one before the one in force, a proposal, a decision."""
        if operation == "get_calendar":
            event = {"starts_at": "2040-06-01T18:00:00Z", "ends_at": "2040-06-01T23:00:00Z"}
            self.world.put_policy(self.tenant_id, event=event)
        if "policy" not in operation and operation != "explain_decision":
            return
        key = find_key(self.world, frozenset(("tenants",)))
        root = "/v1/policy" if "deployment" in operation else self.home + "/policy"
        for label in ("one", "two"):
            self._propose(key, root, label)
            assert self.world.call("POST", self.change + "/activate", key).status_code == 200
        self._propose(key, root, "three")
        self.decision = f"{self.home}/policy/decisions/{find_event(self.world, self.invited.invitation_id)}"

    def _propose(self, key: Key, root: str, label: str) -> None:
        made = self.world.call("POST", root + "/changes", key, body={"policy": {"id": label}})
        assert made.status_code == 201, made.text
        self.change = f"{root}/changes/{made.json()['change_id']}"

    @property
    def home(self) -> str:
        return f"/v1/tenants/{self.tenant_id}"

    @cached_property
    def event(self) -> str:
        """The road to an event of the tenant's trail."""
        return f"{self.home}/events/{find_event(self.world, self.invited.invitation_id)}"

    @property
    def own(self) -> str:
        return f"/v1/me/invitations/{self.invited.invitation_id}"

    @cached_property
    def domain(self) -> str:
        """The road to a proved domain of the tenant."""
        name = f"{self.tenant_id}.example.org"
        self.world.open_domain(self.tenant_id, name, "request")
        return f"{self.home}/domains/{name}"

    @cached_property
    def join_request(self) -> str:
        """The road to an open request to join."""
        name = self.domain.rpartition("/")[2]
        request_id = self.world.ask_to_join(self.tenant_id, person(self.world.fresh("asker"), f"ann@{name}"))
        return f"{self.home}/join-requests/{request_id}"

    @cached_property
    def held(self) -> str:
        """The road to a request for an owner, which another owner made."""
        partner = self.world.new_person("partner")
        self.world.put_member(self.tenant_id, partner, "owner")
        return self._issue(partner, "owner", "held")

    @cached_property
    def digest(self) -> str:
        """What is to be approved."""
        return str(self.world.call("GET", self.held + "/approval", self.owner).json()["digest"])

    @cached_property
    def review(self) -> str:
        """The road to the review of a grant that a member made in an emergency."""
        assignable = {"owner": ["admin", "member"], "admin": ["member"], "member": ["rescuer"]}
        roles = {"rescuer": {"grant_max": 3600, "review_within": 7200}}
        self.world.put_policy(self.tenant_id, assignable=assignable, roles=roles)
        return self._issue(self.colleague, "rescuer", "pending").replace("/invitations/", "/reviews/")

    @cached_property
    def resource(self) -> str:
        """The road to a resource that an invitation names."""
        road = f"{self.home}/resources/wiki"
        assert self.world.call("PUT", road, PLATFORM, body={"name": "Wiki"}).status_code == 201
        return road

    @cached_property
    def anonymous(self) -> str:
        """The road to an anonymous event of the tenant, for whoever holds it."""
        made = self.world.call("POST", f"{self.home}/anonymous-events", PLATFORM, body=ANONYMOUS)
        assert made.status_code == 201, made.text
        return f"{self.home}/anonymous-events/{made.json()['event_id']}"

    @property
    def anonymous_road(self) -> str:
        """The road to the same event, for anybody."""
        return "/v1/anonymous-events/" + self.anonymous.rpartition("/")[2]

    def _issue(self, by: Person, role: str, state: str) -> str:
        body = {"email": f"{self.world.fresh('new')}@example.com", "role": role}
        made = self.world.call("POST", f"{self.home}/invitations", by, body=body)
        assert (made.status_code, made.json()["state"]) == (201, state), made.text
        return f"{self.home}/invitations/{made.json()['invitation_id']}"

    def who(self, actor: str) -> Who:
        if actor == "directory_key":
            return find_key(self.world, frozenset(("directory",)), self.tenant_id)
        if actor == "other_owner":
            assert self.other_tenant_id
        people: dict[str, Who] = {
            "anonymous": None,
            "stranger": self.world.new_person("stranger"),
            "member": self.member,
            "admin": self.admin,
            "owner": self.owner,
            "other_owner": self.other_owner,
            "weak_key": self.weak,
            "platform": PLATFORM,
        }
        return people[actor]

    def call(self, operation: str, who: Who) -> httpx2.Response:
        method, road, body = ROADS[operation]
        return self.world.call(method, road(self), who, body=body)


def find_event(world: World, invitation_id: str) -> str:
    """The decision behind an invitation."""
    query = sa.select(audit_events.c.event_id).where(
        audit_events.c.invitation_id == invitation_id, audit_events.c.kind == "invitation.issued"
    )
    with world.engine.connect() as connection:
        return str(connection.execute(query).scalar_one())


_keys: dict[tuple[int, frozenset[Scope], str | None], Key] = {}


def find_key(world: World, scopes: frozenset[Scope], tenant_id: str | None = None) -> Key:
    """A key with only *scopes*, perhaps bound to a tenant; the same one for a whole run."""
    wanted = (world.port, scopes, tenant_id)
    if wanted not in _keys:
        _keys[wanted] = make_key(world, scopes, tenant_id)
    return _keys[wanted]


def make_key(world: World, scopes: frozenset[Scope], tenant_id: str | None = None) -> Key:
    runner = build_plain_runner(world.settings)
    try:
        made = runner.run(
            create_key,
            HostKey(key_id="test"),
            name="weak",
            scopes=scopes,
            tenant_id=tenant_id,
            context=RequestContext(correlation_id="test"),
        )
    finally:
        runner.close()
    return Key(made.secret)
