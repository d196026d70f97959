# SPDX-License-Identifier: Apache-2.0
"""Connections and the sessions that came through them: who may change them, and what counts when."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.lanes import Call
from tests.rings import make_sealer
from tests.sealing import about_plain_rows
from tests.world import ADAM, HOST, MIA, OLGA, VERA, World
from vestibule.actions.accounts.session import find_session
from vestibule.actions.connections.put_connection import (
    disable_connection,
    put_connection,
    remove_connection,
)
from vestibule.actions.connections.review_connections import (
    get_connection,
    list_connections,
    list_missing_demands,
    list_ways_in,
)
from vestibule.actions.connections.sign_in import finish_sign_in, return_sign_in, start_sign_in
from vestibule.core.connection import Connection, ConnectionDraft, judge_claims
from vestibule.core.email import EmailAddress
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.paging import PageRequest
from vestibule.errors import (
    ConnectionRequiredError,
    CredentialsRejectedError,
    EmailUnverifiedError,
    InvalidRequestError,
    NotFoundError,
    NotPermittedError,
    RejectReason,
    StepUpRequiredError,
    VestibuleError,
)
from vestibule.storage.schema import domains, keys

SEALER, SEALING_KEY = make_sealer()
DRAFT = ConnectionDraft(
    name="Acme", provider="generic", issuer="https://idp.acme.example", client_id="client", secret="hush"
)
CLAIMS: dict[str, Any] = {
    "iss": "https://idp.acme.example",
    "sub": "42",
    "email": "vera@example.com",
    "email_verified": True,
    "name": "Vera",
    "amr": ["otp"],
}
PRINCIPAL = "https://idp.acme.example|42"


def run(world: World, action: Any, *args: Any, **named: Any) -> Any:
    return world.do(Call("run", lambda uow: action(uow, *args, **named)))


def give_sealing_key(world: World) -> None:
    """The ring has the key that SEALER knows."""
    if not world.rows(keys):
        now = world.lane.now()
        row = {**dataclasses.asdict(SEALING_KEY), "created_at": now, "active_at": now}
        with world.lane.engine.begin() as connection:
            connection.execute(sa.insert(keys).values(row))


def put(world: World, tenant: str = "acme", name: str = "acme-sso", *, by: Any = HOST, **changes: Any) -> Any:
    draft = dataclasses.replace(DRAFT, **changes)
    give_sealing_key(world)
    return run(world, put_connection, by, tenant, name, draft, sealer=SEALER, context=world.context)


def prove(world: World, tenant: str = "acme", domain: str = "example.com", *, lasts: float = 3600) -> None:
    now = world.lane.now()
    row = {
        "tenant_id": tenant,
        "domain": domain,
        "rung": "invite_only",
        "role": "member",
        "challenge": "c",
        "created_at": now,
        "proved_at": now,
        "proof_expires_at": now + timedelta(seconds=lasts),
    }
    with world.lane.engine.begin() as connection:
        connection.execute(sa.insert(domains).values(**row))


def enter(world: World, connection: Connection, **claims: Any) -> str:
    secret: str = run(world, finish_sign_in, connection, {**CLAIMS, **claims}, context=world.context)
    return secret


def find(world: World, secret: str, tenant: str | None = None) -> VerifiedIdentity | None:
    found: VerifiedIdentity | None = run(world, find_session, secret, tenant)
    return found


def get(world: World, secret: str) -> VerifiedIdentity:
    found = find(world, secret)
    assert found is not None
    return found


@pytest.mark.covers("INT-04", "K06", "D12")
def test_owners_and_the_host_put_connections_and_the_trail_holds_no_secret(world: World) -> None:
    world.found()
    connection, is_new = put(world, by=OLGA)
    assert is_new
    assert connection.sealed_secret is not None
    assert SEALER.open(connection) == "hush"
    changed, is_new = put(world, name="acme-sso", secret=None, client_id="other")
    assert not is_new
    assert SEALER.open(changed) == "hush", "without a secret it keeps the one it has"
    for stranger in (ADAM, MIA):
        with pytest.raises(NotPermittedError):
            put(world, by=stranger)
    with pytest.raises(NotFoundError):
        put(world, "globex", by=OLGA)
    with pytest.raises(NotPermittedError):
        put(world, "", by=OLGA)
    bodies = [event["body"] for event in world.events("connection.put")]
    assert [(body["is_new"], body["has_new_credential"]) for body in bodies] == [(True, True), (False, False)]
    assert "hush" not in repr(world.everything())


@pytest.mark.covers("INT-04", "A18")
def test_an_id_never_changes_hands_not_even_after_its_end(world: World) -> None:
    world.found()
    world.do(world.put_tenant(tenant="globex"))
    put(world)
    elsewhere = {"issuer": "https://idp.evil.example"}
    for wrong in (
        {"tenant": "globex"},
        {"tenant": ""},
        elsewhere,
        {"provider": "google", "issuer": "https://accounts.google.com"},
    ):
        with pytest.raises(InvalidRequestError):
            put(world, **wrong)
    run(world, remove_connection, OLGA, "acme", "acme-sso", context=world.context)
    with pytest.raises(NotFoundError):
        run(world, get_connection, OLGA, "acme", "acme-sso")
    with pytest.raises(InvalidRequestError):
        put(world, **elsewhere)
    back, _ = put(world, secret=None)
    assert back.sealed_secret is None, "its secret went with it"
    for name in ("local", "host", "Acme", "", "a" * 65):
        with pytest.raises(InvalidRequestError):
            put(world, name=name)


@pytest.mark.covers("ACC-05", "ACC-03", "S02")
@about_plain_rows
def test_S02_an_invitation_is_accepted_through_the_tenants_own_provider_while_the_domain_is_proven(
    world: World,
) -> None:
    world.found()
    connection, _ = put(world, amr_map={"otp": "mfa"})
    prove(world, lasts=1800)
    secret = enter(world, connection)
    vera = get(world, secret)
    assert (vera.principal_id, vera.connection, vera.amr) == (PRINCIPAL, "acme-sso", ("mfa",))
    assert [(one.evidence, one.tenant_id) for one in vera.addresses] == [("sso", "acme")]
    world.do(world.put_tenant(tenant="globex"))
    world.do(world.put_member(OLGA, "owner", "globex"))
    abroad = world.do(world.issue(tenant="globex"))
    issued = world.do(world.issue())
    assert [one.tenant_name for one in world.do(world.list_own(vera)).items] == ["Acme"]
    assert world.refuse(world.accept(vera, abroad)) is RejectReason.WRONG_RECIPIENT, "its word is Acme's only"
    world.pass_time(1801)
    lapsed = get(world, secret)
    assert lapsed.addresses == (), "as of now, not as of the sign-in"
    with pytest.raises(EmailUnverifiedError):
        world.do(world.accept(lapsed, issued))
    world.execute("DELETE FROM vestibule_domains")
    prove(world)
    world.do(world.accept(get(world, secret), issued))
    assert world.members()[PRINCIPAL] == "member"


@pytest.mark.covers("ACC-05", "S01", "S02")
@about_plain_rows
def test_S01_a_tenant_that_demands_its_connection_takes_no_other(world: World) -> None:
    world.found()
    own, _ = put(world)
    other, _ = put(world, name="acme-old")
    prove(world)
    world.do(world.put_tenant({"require_connection": "acme-sso"}))
    issued = world.do(world.issue())
    wrong = get(world, enter(world, other))
    assert world.refuse(world.accept(wrong, issued)) is RejectReason.WRONG_CONNECTION
    assert world.invitation(issued)["consumed_at"] is None
    right = enter(world, own)
    world.do(world.accept(get(world, right), issued))
    assert find(world, right, "acme") is not None
    through_the_other = enter(world, other)
    with pytest.raises(ConnectionRequiredError):
        find(world, through_the_other, "acme")
    stranger = enter(world, other, sub="43", email="x@evil.example")
    assert find(world, stranger, "acme") is not None, "who does not belong learns nothing"
    assert find(world, stranger, "nowhere") is not None


@pytest.mark.covers("S08", "ACC-05")
def test_S08_an_owners_password_opens_no_way_around_the_tenants_provider(world: World) -> None:
    world.found()
    put(world)
    world.do(world.put_tenant({"require_connection": "acme-sso"}))
    issued = world.do(world.issue(VERA, "admin"))
    by_password = dataclasses.replace(VERA, connection="local", is_session=True)
    assert world.refuse(world.accept(by_password, issued)) is RejectReason.WRONG_CONNECTION
    [refusal] = world.events("claim.rejected")
    assert (refusal["body"]["reason"], refusal["actor_id"]) == ("wrong_connection", VERA.principal_id)
    with pytest.raises(NotPermittedError):
        world.do(world.accept(HOST, issued))
    through_it = dataclasses.replace(by_password, connection="acme-sso")
    world.do(world.accept(through_it, issued))


@pytest.mark.covers("S09", "ACC-05")
@about_plain_rows
def test_S09_a_method_counts_only_when_the_connection_translates_it(world: World) -> None:
    world.found()
    weak, _ = put(world)
    strong, _ = put(world, name="acme-mfa", amr_map={"otp": "mfa"})
    prove(world)
    issued = world.do(world.issue())
    world.do(world.put_tenant({"roles": {"member": {"amr_any": ["mfa"], "auth_max_age": 300}}}))
    now = int(world.lane.now().timestamp())
    for connection, claims in ((weak, {"auth_time": now}), (strong, {}), (strong, {"auth_time": now - 301})):
        with pytest.raises(StepUpRequiredError) as demand:
            world.do(world.accept(get(world, enter(world, connection, **claims)), issued))
        assert (demand.value.max_age, demand.value.amr_any) == (300, frozenset({"mfa"}))
        assert world.invitation(issued)["consumed_at"] is None
    world.do(world.accept(get(world, enter(world, strong, auth_time=now)), issued))


@pytest.mark.covers("S09", "D12")
def test_S09_no_owner_says_what_counts_as_a_strong_sign_in(world: World) -> None:
    world.found()
    strong = {"pwd": "mfa"}
    with pytest.raises(InvalidRequestError) as caught:
        put(world, by=OLGA, amr_map=strong)
    assert [fault.pointer for fault in caught.value.faults] == ["/amr_map"]
    assert put(world, by=OLGA)[0].amr_map == {}
    with pytest.raises(InvalidRequestError):
        put(world, by=OLGA, amr_map=strong)
    assert put(world, amr_map={"otp": "mfa"})[0].amr_map == {"otp": "mfa"}
    for as_it_is in ({}, {"otp": "mfa"}):
        changed, _ = put(world, by=OLGA, name="acme-sso", client_id="other", amr_map=as_it_is)
        assert (changed.client_id, changed.amr_map) == ("other", {"otp": "mfa"})
    run(world, remove_connection, OLGA, "acme", "acme-sso", context=world.context)
    assert put(world, by=OLGA)[0].amr_map == {}, "a connection that comes back says nothing yet"
    assert put(world, amr_map={})[0].amr_map == {}


@pytest.mark.covers("S02", "E10", "LIF-03")
@pytest.mark.parametrize("end", ["disable", "remove", "offboard", "delete the tenant", "half a day"])
def test_S02_a_session_ends_with_what_it_came_through(world: World, end: str) -> None:
    world.found()
    connection, _ = put(world)
    secret = enter(world, connection)
    assert find(world, secret) is not None
    if end == "disable":
        run(world, disable_connection, OLGA, "acme", "acme-sso", context=world.context)
    elif end == "remove":
        run(world, remove_connection, OLGA, "acme", "acme-sso", context=world.context)
    elif end == "offboard":
        world.do(world.offboard(VerifiedIdentity(principal_id=PRINCIPAL)))
    elif end == "delete the tenant":
        world.do(world.delete())
    else:
        world.pass_time(hours=12)
    assert find(world, secret) is None
    if end != "half a day":
        with pytest.raises(CredentialsRejectedError):
            enter(world, connection)


@pytest.mark.covers("INT-04", "E08")
def test_a_disabled_connection_comes_back_and_with_it_its_sessions(world: World) -> None:
    world.found()
    connection, _ = put(world)
    secret = enter(world, connection)
    put(world, is_disabled=True)
    assert find(world, secret) is None
    put(world)
    assert find(world, secret) is not None


@pytest.mark.covers("INT-04", "W01")
def test_a_sign_in_is_used_once_in_time_and_for_its_connection(world: World) -> None:
    world.found()
    put(world)
    put(world, name="acme-old")

    def start() -> str:
        started = run(
            world,
            start_sign_in,
            "acme-sso",
            next_path="/invitation",
            max_age=300,
            context=world.context,
            limits=world.limits,
        )
        secret: str = started.secret
        return secret

    secret = start()
    with pytest.raises(CredentialsRejectedError):
        run(world, return_sign_in, "acme-old", secret)
    returned = run(world, return_sign_in, "acme-sso", secret)
    assert (returned.sign_in.next_path, returned.sign_in.max_age) == ("/invitation", 300)
    with pytest.raises(CredentialsRejectedError):
        run(world, return_sign_in, "acme-sso", secret)
    late = start()
    world.pass_time(minutes=15)
    with pytest.raises(CredentialsRejectedError):
        run(world, return_sign_in, "acme-sso", late)
    dying = start()
    run(world, disable_connection, OLGA, "acme", "acme-sso", context=world.context)
    for call in (
        lambda: run(world, return_sign_in, "acme-sso", dying),
        start,
    ):
        with pytest.raises(VestibuleError):
            call()
    assert dying not in repr(world.everything())


@pytest.mark.covers("INT-04", "W01")
def test_of_two_that_bring_the_same_answer_one_is_heard(every_world: World) -> None:
    world = every_world
    world.found()
    put(world)
    begin = {"next_path": "/", "max_age": None, "context": world.context, "limits": world.limits}
    secret = run(world, start_sign_in, "acme-sso", **begin).secret
    outcomes = world.race(
        *(Call("run", lambda uow: return_sign_in(uow, "acme-sso", secret)) for _ in range(8))
    )
    assert sum(isinstance(one, CredentialsRejectedError) for one in outcomes) == 7


@pytest.mark.covers("ACC-05", "S07")
def test_S07_what_is_offered_is_what_the_tenant_would_take(world: World) -> None:
    world.found()
    put(world)
    put(world, "", "everybody")
    vera = EmailAddress.parse_input("vera@example.com")

    def offered(tenant: str | None, invited: EmailAddress | None = vera) -> tuple[list[str], bool]:
        ways, is_local = run(world, list_ways_in, tenant, invited)
        return [one.connection_id for one in ways], is_local

    assert offered(None) == (["everybody"], True)
    assert offered("acme") == (["acme-sso", "everybody"], True)
    world.do(world.put_tenant({"require_connection": "acme-sso", "connection_exceptions": ["guest.example"]}))
    assert offered("acme") == (["acme-sso"], False)
    assert offered("acme", EmailAddress.parse_input("g@guest.example")) == (["acme-sso", "everybody"], True)
    world.do(world.put_tenant({"require_connection": "local"}))
    assert offered("acme") == ([], True)
    world.do(world.put_tenant({"require_connection": "gone"}))
    assert offered("acme") == ([], False)
    assert run(world, list_missing_demands, HOST) == [("acme", "gone")]
    assert [
        one.connection_id for one in run(world, list_connections, ADAM, "acme", PageRequest(scope="c")).items
    ] == ["acme-sso"]
    with pytest.raises(NotPermittedError):
        run(world, list_connections, MIA, "acme", PageRequest(scope="c"))


@pytest.mark.covers("ACC-03", "A18", "E10")
def test_A18_what_a_tenants_provider_says_of_an_address_is_not_remembered_of_anybody(world: World) -> None:
    world.found()
    connection, _ = put(world)
    prove(world)
    enter(world, connection)
    issued = world.do(world.issue())
    world.do(world.offboard(VerifiedIdentity(principal_id=PRINCIPAL)))
    assert world.invitation(issued)["revoked_at"] is None, "somebody else's invitation stands"


def test_the_judged_principal_is_who_the_session_is(world: World) -> None:
    world.found()
    connection, _ = put(world)
    assert judge_claims(connection, CLAIMS).principal_id == get(world, enter(world, connection)).principal_id
