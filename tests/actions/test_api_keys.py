# SPDX-License-Identifier: Apache-2.0
"""API keys: found by their secret while they live, by nothing afterwards, and made by keys only."""

from __future__ import annotations

import pytest

from tests.lanes import Call
from tests.world import HOST, OLGA, World
from vestibule.actions.api_keys import CreatedKey, create_key, find_key, list_keys, revoke_key
from vestibule.core.identity import Actor, HostKey, Scope
from vestibule.errors import InvalidRequestError, NotFoundError, NotPermittedError
from vestibule.storage.schema import api_keys


def create(world: World, *, by: Actor = HOST) -> CreatedKey:
    scopes: frozenset[Scope] = frozenset({"members"})
    return world.do(
        Call("run", lambda uow: create_key(uow, by, name="ci", scopes=scopes, context=world.context))
    )


def find(world: World, secret: str) -> HostKey | None:
    return world.do(Call("read", lambda uow: find_key(uow, secret)))


def revoke(world: World, key_id: str, *, by: Actor = HOST) -> None:
    world.do(Call("run", lambda uow: revoke_key(uow, by, key_id, context=world.context)))


@pytest.mark.covers("INT-01")
def test_a_revoked_key_opens_nothing_and_its_neighbour_still_does(world: World) -> None:
    gone, kept = create(world), create(world)
    assert find(world, gone.secret) == HostKey(key_id=gone.key.key_id, scopes=frozenset({"members"}))
    revoke(world, gone.key.key_id)
    assert find(world, gone.secret) is None
    assert find(world, kept.secret) is not None
    with pytest.raises(NotFoundError):
        revoke(world, gone.key.key_id)
    assert [event["kind"] for event in world.events()] == [
        "api_key.created",
        "api_key.created",
        "api_key.revoked",
    ]


def test_only_a_keys_hash_is_stored(world: World) -> None:
    created = create(world)
    stored = repr(world.rows(api_keys)) + repr(world.events()) + repr(created)
    assert created.secret not in stored
    assert created.secret.startswith("vsk_")
    [listed] = world.do(Call("read", lambda uow: list_keys(uow, HOST)))
    assert listed.key_id == created.key.key_id


@pytest.mark.covers("LIF-03", "TEN-06")
def test_a_key_is_bound_to_a_tenant_that_there_is_and_a_directorys_key_always(world: World) -> None:
    world.found()

    def make(*scopes: Scope, tenant_id: str | None, by: Actor = HOST) -> CreatedKey:
        return world.do(
            Call(
                "run",
                lambda uow: create_key(
                    uow, by, name="d", scopes=frozenset(scopes), tenant_id=tenant_id, context=world.context
                ),
            )
        )

    found = find(world, make("directory", tenant_id="acme").secret)
    assert found is not None
    assert (found.tenant_id, sorted(found.scopes)) == ("acme", ["directory"])
    with pytest.raises(InvalidRequestError):
        make("directory", tenant_id=None)
    with pytest.raises(NotFoundError):
        make("members", tenant_id="nowhere")
    with pytest.raises(NotPermittedError):
        make("members", tenant_id="acme", by=HostKey(key_id="k", tenant_id="acme"))


def test_a_principal_and_a_key_of_another_scope_make_and_revoke_none(world: World) -> None:
    created = create(world)
    for stranger in (OLGA, HostKey(key_id="narrow", scopes=frozenset({"members"}))):
        with pytest.raises(NotPermittedError):
            create(world, by=stranger)
        with pytest.raises(NotPermittedError):
            revoke(world, created.key.key_id, by=stranger)
    with pytest.raises(InvalidRequestError):
        world.do(
            Call(
                "run", lambda uow: create_key(uow, HOST, name="x", scopes=frozenset(), context=world.context)
            )
        )
    assert find(world, created.secret) is not None
