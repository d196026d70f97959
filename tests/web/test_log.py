# SPDX-License-Identifier: Apache-2.0
"""The trail over HTTP: who sees it, what proves it, and what the public log says."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.web.harness import PLATFORM, PUBLIC_URL, Invited, Person, World
from tests.web.tampering import edit_event, erase_event, kinds, sealed_leaves
from vestibule.actions.keys.turn_keys import create_key
from vestibule.auditing.signatures import verify_signature
from vestibule.bootstrap import build_deployment
from vestibule.core.identity import HostKey, RequestContext
from vestibule.core.keys import KeyRecord
from vestibule.core.log.checkpoint import origin_of, parse_checkpoint
from vestibule.core.log.event_proof import check_event_proof, parse_event_proof
from vestibule.core.log.leaf import TenantHead, parse_global_leaf
from vestibule.core.log.note import NoteKey, note_key, parse_note, signed_by
from vestibule.core.log.receipt import Receipt, parse_receipt
from vestibule.core.log.tree import leaf_hash, root_of
from vestibule.errors import InvalidRequestError
from vestibule.keyring import make_key_store, make_provider
from vestibule.settings import load_settings

MakeWorld = Callable[..., World]


class Office:
    """A service with a key ring, and an invitation that was accepted in it."""

    def __init__(self, make_world: MakeWorld, folder: Path, *purposes: str) -> None:
        ring = {"KEYRING": str(folder / "ring"), "KEYRING_SECRET": "of-the-tests-" * 4}
        place = {f"VESTIBULE_{name}": value for name, value in ring.items()}
        base = {"VESTIBULE_DATABASE_URL": "sqlite:///unused", "VESTIBULE_PUBLIC_URL": PUBLIC_URL}
        make_key_store(load_settings(base | place))
        self.world = make_world(ring)
        self.keys = {purpose: self.make_key(purpose) for purpose in purposes}
        self.owner: Person = self.world.new_person("owner")
        self.vera: Person = self.world.new_person("vera")
        self.tenant_id = self.world.new_tenant(owner=self.owner)
        self.invited: Invited = self.world.invite(self.tenant_id, self.owner, self.vera.emails[0])
        assert self.world.call("POST", self.invited.road + "/accept", self.vera).status_code == 204

    @property
    def events(self) -> str:
        return f"/v1/tenants/{self.tenant_id}/events"

    def list_all(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.world.call("GET", self.events, self.owner).json()["items"]
        return found

    def find(self, kind: str) -> str:
        [found] = [one["event_id"] for one in self.list_all() if one["kind"] == kind]
        return str(found)

    def prove(self, event_id: str) -> dict[str, Any]:
        answer = self.world.call("GET", f"{self.events}/{event_id}/proof", self.owner)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def make_key(self, purpose: str = "checkpoint") -> NoteKey:
        """The log has a key for *purpose* from now on."""

        async def make() -> KeyRecord:
            deployment = build_deployment(self.world.settings)
            provider = make_provider(self.world.settings)
            assert provider is not None
            context = RequestContext(correlation_id="test", source="cli")
            try:
                return await deployment.runner.run(
                    create_key, HostKey(key_id="cli"), purpose, provider=provider, context=context
                )
            finally:
                await deployment.close()

        made = asyncio.run(make())
        assert made.public_key is not None
        return note_key(origin_of(PUBLIC_URL), made.public_key)

    def seal(self) -> None:
        """What a worker does every second."""

        async def work() -> None:
            deployment = build_deployment(self.world.settings)
            try:
                sealer = deployment.make_log_sealer()
                await sealer.seal()
                await sealer.sign()
            finally:
                await deployment.close()

        asyncio.run(work())


@pytest.fixture
def office(make_world: MakeWorld, tmp_path: Path) -> Office:
    return Office(make_world, tmp_path)


@pytest.mark.covers("AUD-03", "AUD-04")
def test_an_event_is_listed_at_once_then_sealed_then_proved_to_whoever_has_the_key(office: Office) -> None:
    event_id = office.find("invitation.accepted")
    assert office.prove(event_id)["state"] == "unsealed"
    office.seal()
    shown = office.prove(event_id)
    assert (shown["state"], shown["proof"], shown["is_unchanged"]) == ("sealed", None, True)
    key = office.make_key()
    office.seal()
    shown = office.prove(event_id)
    assert shown["state"] == "proved"
    proof = parse_event_proof(shown["proof"])
    event, checkpoint = check_event_proof(proof)
    assert (event.event_id, event.kind, event.tenant_id) == (
        event_id,
        "invitation.accepted",
        office.tenant_id,
    )
    assert checkpoint.origin == "invite.example.com/vestibule"
    assert leaf_hash(proof.leaf).hex() == shown["leaf_hash"]
    assert set(signed_by(parse_note(proof.checkpoint), [key], verify_signature)) == {key}
    other = parse_event_proof(office.prove(office.find("invitation.issued"))["proof"])
    mixed = parse_event_proof(str(proof))
    with pytest.raises(InvalidRequestError):
        check_event_proof(type(mixed)(**{**_members(mixed), "leaf": other.leaf}))


def _members(proof: Any) -> dict[str, Any]:
    return {name: getattr(proof, name) for name in type(proof).__slots__}


@pytest.mark.covers("AUD-03", "K08")
def test_K08_an_event_that_was_edited_after_sealing_is_shown_as_changed(office: Office) -> None:
    event_id = office.find("invitation.accepted")
    office.seal()
    assert office.prove(event_id)["is_unchanged"]
    edit_event(office.world, event_id, "somebody-else")
    assert not office.prove(event_id)["is_unchanged"]


@pytest.mark.covers("K07")
def test_K07_another_tenants_events_and_cursors_lead_nowhere(office: Office) -> None:
    event_id = office.find("invitation.accepted")
    stranger = office.world.new_person("stranger")
    elsewhere = office.world.new_tenant(owner=stranger)
    own = f"/v1/tenants/{elsewhere}/events"
    assert office.world.call("GET", own, stranger).status_code == 200
    assert office.world.call("GET", f"{office.events}/{event_id}/proof", stranger).status_code == 404
    assert office.world.call("GET", f"{own}/{event_id}/proof", stranger).status_code == 404
    first = office.world.call("GET", office.events + "?limit=1", office.owner).json()
    cursor = first["next_cursor"]
    assert office.world.call("GET", f"{office.events}?cursor={cursor}", office.owner).status_code == 200
    assert office.world.call("GET", f"{own}?cursor={cursor}", stranger).status_code == 422


@pytest.mark.covers("K08", "AUD-02")
def test_K08_no_method_changes_the_trail(office: Office) -> None:
    before = office.list_all()
    event_id = before[0]["event_id"]
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for path in (office.events, f"{office.events}/{event_id}", f"{office.events}/{event_id}/proof"):
            assert office.world.call(method, path, PLATFORM).status_code in {404, 405}
    assert office.list_all() == before


@pytest.mark.covers("AUD-03")
def test_anybody_may_rebuild_the_public_log_and_finds_no_name_in_it(office: Office) -> None:
    call = office.world.call
    assert call("GET", "/log/checkpoint").status_code == 404
    office.make_key()
    office.seal()
    note = parse_note(call("GET", "/log/checkpoint").text)
    checkpoint = parse_checkpoint(note.text)
    assert checkpoint.size >= 2
    bundle = call("GET", f"/log/tile/entries/000.p/{checkpoint.size}").content
    entries = list(_split(bundle))
    assert root_of(map(leaf_hash, entries)) == checkpoint.root
    heads = [head for entry in entries if isinstance(head := parse_global_leaf(entry), TenantHead)]
    assert heads
    assert office.tenant_id.encode() not in bundle
    tile = call("GET", f"/log/tile/0/000.p/{checkpoint.size}")
    assert tile.content == b"".join(map(leaf_hash, entries))
    assert "immutable" in tile.headers["cache-control"]
    assert call("HEAD", "/log/checkpoint").status_code == 200


def _split(bundle: bytes) -> Any:
    while bundle:
        length = int.from_bytes(bundle[:2])
        yield bundle[2 : 2 + length]
        bundle = bundle[2 + length :]


@pytest.mark.covers("AUD-03", "N05")
@pytest.mark.parametrize(
    "path",
    [
        *(
            "/log/",
            "/log/tile/0/000",
            "/log/tile/0/000.p/0",
            "/log/tile/0/000.p/256",
            "/log/tile/0/000.p/999",
        ),
        *("/log/tile/6/000", "/log/tile/0/1", "/log/tile/0/x1/000", "/log/tile/entries/999.p/1"),
        *(
            "/log/tile/0/x999/x999/x999/x999/999",
            "/log/tile/-1/000",
            "/log/tile/0/000.p/%D9%A1",
            "/log/entries",
        ),
    ],
)
def test_what_the_log_has_not_is_not_found(world: World, path: str) -> None:
    assert world.call("GET", path).status_code == 404
    assert world.call("POST", path).status_code == 405


@pytest.mark.covers("AUD-03", "K08")
def test_K08_whoever_accepts_or_issues_holds_a_receipt_that_finds_an_erased_event(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    office = Office(make_world, tmp_path, "receipt")
    key = office.keys["receipt"]
    issued = office.world.call(
        "POST",
        f"/v1/tenants/{office.tenant_id}/invitations",
        office.owner,
        body={"email": "ann@example.com", "role": "member", "deliver": "link"},
    )
    receipt = _read_receipt(issued, key)
    listed = {one["event_id"]: one for one in office.list_all()}
    assert listed[receipt.event_id]["kind"] == "invitation.issued"
    assert receipt.origin == origin_of(PUBLIC_URL)
    assert receipt.promised_by == receipt.at + 60_000
    assert office.prove(receipt.event_id)["leaf_hash"] == receipt.leaf_hash.hex()
    erase_event(office.world, receipt.event_id)
    office.seal()
    shown = office.world.call("GET", f"{office.events}/{receipt.event_id}/proof", office.owner)
    assert shown.status_code == 404
    # The log does not hold what was promised; and it says so by itself.
    assert receipt.leaf_hash not in sealed_leaves(office.world)
    assert "audit.event_unsealed" in kinds(office.world)
    ann = office.world.new_person("ann")
    other = office.world.invite(office.tenant_id, office.owner, ann.emails[0])
    accepted = office.world.call("POST", other.road + "/accept", ann)
    assert accepted.status_code == 204
    kept = _read_receipt(accepted, key)
    office.seal()
    assert kept.leaf_hash in sealed_leaves(office.world)
    assert "vestibule-receipt" not in office.world.call("POST", other.road + "/accept", ann).headers


def _read_receipt(answer: httpx2.Response, key: NoteKey) -> Receipt:
    note = parse_note(base64.b64decode(answer.headers["vestibule-receipt"]).decode())
    assert set(signed_by(note, [key], verify_signature)) == {key}
    return parse_receipt(note.text)


@pytest.mark.covers("AUD-03")
def test_without_a_key_for_receipts_answers_go_without_one(world: World) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    invited = world.invite(world.new_tenant(owner=owner), owner, vera.emails[0])
    accepted = world.call("POST", invited.road + "/accept", vera)
    assert (accepted.status_code, "vestibule-receipt" in accepted.headers) == (204, False)
