# SPDX-License-Identifier: Apache-2.0
"""Anonymous events over HTTP: Cloudflare's client against our signer, and what a redemption leaves behind."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.anonymity import make_guest
from tests.web.harness import PLATFORM, Person, World
from tests.web.roads import ANONYMOUS
from vestibule.core.limits import Limit
from vestibule.errors import RateLimitedError
from vestibule.web.anonymity import SourceLimiter
from vestibule.web.pages.anonymity import SCRIPTS

CLIENT = """
import { BlindRSA, PrepareType } from "./blindrsa.js";
import { context, decode, encode, makeCode, readCode } from "./coding.js";
const read = async () => { let text = ""; for await (const part of process.stdin) text += part; return text; };
const { eventId, spki, road, bearer } = JSON.parse(await read());
const suite = new BlindRSA({ name: "RSABSSA-SHA384-PSS-Randomized", hash: "SHA-384", saltLength: 48,
  prepareType: PrepareType.Randomized, supportsRSARAW: false });
const algorithm = { name: "RSA-PSS", hash: "SHA-384" };
const key = await crypto.subtle.importKey("spki", decode(spki), algorithm, true, ["verify"]);
const prepared = suite.prepare(context(eventId));
const { blindedMsg, inv } = await suite.blind(key, prepared);
const answer = await fetch(road, { method: "POST", body: JSON.stringify({ blinded: encode(blindedMsg) }),
  headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` } });
if (!answer.ok) throw new Error(await answer.text());
const { blind_signature } = await answer.json();
const code = makeCode(prepared, await suite.finalize(key, prepared, decode(blind_signature), inv));
console.log(JSON.stringify({ code, ...readCode(eventId, code) }));
"""


class Vote:
    """An anonymous event over the API, with people in it."""

    def __init__(self, world: World, crowd: int = 2) -> None:
        self.world = world
        self.owner = world.new_person("owner")
        self.tenant_id = world.new_tenant(owner=self.owner)
        body = {**ANONYMOUS, "min_set_size": crowd}
        home = f"/v1/tenants/{self.tenant_id}/anonymous-events"
        made = world.call("POST", home, self.owner, body=body)
        assert made.status_code == 201, made.text
        self.shown = made.json()
        self.event_id = self.shown["event_id"]
        self.path = f"{home}/{self.event_id}"
        self.road = f"/v1/anonymous-events/{self.event_id}"
        self.public_key = decode(self.shown["public_key"])

    def join(self) -> Person:
        """Somebody invited, who accepted."""
        who = self.world.new_person("guest")
        grants = [{"resource_id": self.shown["resource_id"], "role": "member"}]
        invited = self.world.invite(self.tenant_id, self.owner, who.emails[0], grants=grants)
        assert self.world.call("POST", invited.road + "/accept", who).status_code == 204
        return who

    def take(self, who: Person) -> dict[str, str]:
        """A code, made by a client in Python."""
        guest = make_guest(self.event_id, self.public_key)
        body = {"blinded": encode(guest.blinded)}
        answer = self.world.call("POST", self.path + "/sign", who, body=body)
        assert answer.status_code == 200, answer.text
        signature = guest.unblind(decode(answer.json()["blind_signature"]))
        return {"msg": encode(guest.message), "sig": encode(signature)}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """The vendored client, as Node wants it."""
    for name in ("blindrsa.js", "util.js", "coding.js", "sjcl/index.js"):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(SCRIPTS / name, target)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "client.js").write_text(CLIENT)
    return tmp_path


@pytest.mark.covers("TOK-07")
def test_the_Cloudflare_client_takes_a_code_from_our_signer_and_it_counts_once(
    world: World, node: Path
) -> None:
    vote = Vote(world)
    guest, other = vote.join(), vote.join()
    vote.take(other)
    asked = {
        "eventId": vote.event_id,
        "spki": vote.shown["public_key"],
        "road": world.base_url + vote.path + "/sign",
        "bearer": world.assert_identity(guest),
    }
    run = subprocess.run(
        ["node", "client.js"],
        cwd=node,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    made = json.loads(run.stdout)
    assert made["code"].startswith("vsa_")
    body = {"msg": made["msg"], "sig": made["sig"]}
    spoiled = {**body, "sig": body["sig"][:-4] + "AAAA"}
    refused = world.call("POST", vote.road + "/redeem", body=spoiled)
    assert (refused.status_code, refused.json()["code"]) == (404, "invitation_unavailable")
    assert world.call("POST", vote.road + "/redeem", body=body).status_code == 204
    again = world.call("POST", vote.road + "/redeem", body=body)
    strip = {"request_id": ""}
    assert {**again.json(), **strip} == {**refused.json(), **strip}
    numbers = world.call("GET", vote.path, vote.owner).json()
    assert (numbers["issued_count"], numbers["redeemed_count"], numbers["state"]) == (2, 1, "open")


@pytest.mark.covers("TOK-07")
def test_anybody_may_compare_the_key_and_see_the_crowd_and_nothing_else(world: World) -> None:
    vote = Vote(world)
    vote.take(vote.join())
    shown = world.call("GET", vote.road).json()
    assert shown["thumbprint"] == hashlib.sha256(vote.public_key).hexdigest()
    assert (shown["issued_count"], shown["state"]) == (1, "collecting")
    assert not {"redeemed_count", "tenant_id", "key_id"} & set(shown)
    early = world.call("POST", vote.road + "/redeem", body=vote.take(vote.join()))
    assert early.status_code == 204
    assert world.call("GET", "/v1/anonymous-events/nothing").status_code == 404


@pytest.mark.covers("TOK-07", "OBS-01")
def test_a_redemption_leaves_no_line_in_the_log_and_no_trace_of_whoever_it_was(
    world: World, logs: io.StringIO
) -> None:
    vote = Vote(world)
    code = vote.take(vote.join())
    vote.take(vote.join())
    begin = len(logs.getvalue())
    traces = {"user-agent": "a-very-own-browser/1.0", "x-forwarded-for": "203.0.113.77", "cookie": "mine=1"}
    before = world.dump()
    wrong = {**code, "sig": "AA"}
    statuses = [
        world.call("POST", vote.road + "/redeem", body=body, headers=traces).status_code
        for body in (wrong, code, code)
    ]
    assert statuses == [404, 204, 404]
    lines = logs.getvalue()[begin:]
    assert "redeem" not in lines
    assert "a-very-own-browser" not in lines
    assert "203.0.113.77" not in lines
    after = world.dump()
    assert {name for name in after if after[name] != before.get(name, 0)} == {
        "vestibule_anonymous_events",
        "vestibule_anonymous_redemptions",
    }
    # The neighbour, whose line is there.
    world.call("GET", f"/v1/tenants/{vote.tenant_id}", PLATFORM)
    assert "/v1/tenants/{tenant_id}" in logs.getvalue()[begin:]


@pytest.mark.covers("TOK-07", "ISS-16")
def test_a_source_is_counted_without_being_kept() -> None:
    now = [0.0]
    limiter = SourceLimiter(Limit(3, 60), clock=lambda: now[0])
    for _ in range(3):
        limiter.check("192.0.2.1")
    with pytest.raises(RateLimitedError) as told:
        limiter.check("192.0.2.1")
    assert (told.value.retry_after, told.value.limit) == (60, 3)
    limiter.check("192.0.2.2")
    kept = repr(vars(limiter))
    assert "192.0.2" not in kept
    first = limiter._key
    now[0] = 60.0
    limiter.check("192.0.2.1")
    assert limiter._key != first
    assert len(limiter._counts) == 1
