# SPDX-License-Identifier: Apache-2.0
"""The log's heads are brought to a real witness, over real HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.auditor import Audited
from tests.lanes import Call, LaneKeeper
from tests.world import World
from vestibule.auditing.signatures import verify_signature
from vestibule.auditing.verify import verify_export
from vestibule.core.log.trust import TrustPolicy, parse_trust
from vestibule.delivery.witnessing import Published, Publisher, PublishPolicy, read_witnesses
from vestibule.errors import ConfigurationError
from vestibule.witness.folder import create_folder, open_witness
from vestibule.witness.server import WitnessServer

pytestmark = pytest.mark.covers("AUD-03")


class LaneRunner:
    """A lane as a worker's runner."""

    def __init__(self, world: World) -> None:
        self._lane = world.lane

    async def run(self, action: Any, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(self._lane.do, Call("run", lambda uow: action(uow, *args, **kwargs)))

    async def read(self, action: Any, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(self._lane.do, Call("read", lambda uow: action(uow, *args, **kwargs)))

    async def claim(self, action: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(params=["sqlite-plain", "postgresql-plain"])
def audited(request: pytest.FixtureRequest, lanes: LaneKeeper, tmp_path: Path) -> Audited:
    audited = Audited(World(lanes.open(request.param)), tmp_path / "keys")
    audited.seal()
    return audited


@contextmanager
def witnessing(folder: Path, trust: TrustPolicy) -> Iterator[str]:
    server = WitnessServer(("127.0.0.1", 0), open_witness(folder, trust))
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def publish(audited: Audited, trust: TrustPolicy) -> Sequence[Published]:
    publisher = Publisher(
        runner=LaneRunner(audited.world),
        trust=trust,
        verify=verify_signature,
        policy=PublishPolicy(every=0.01, patience=20),
    )
    return asyncio.run(publisher.publish())


def test_each_head_is_cosigned_once_and_then_meets_the_quorum(audited: Audited, tmp_path: Path) -> None:
    vkey = create_folder(tmp_path / "w", "auditor.example/w")
    with witnessing(tmp_path / "w", audited.trust()) as url:
        trust = parse_trust(f"log {audited.key_of(audited.log_key)}\nwitness w {vkey} {url}\nquorum w\n")
        assert [one.outcome for one in publish(audited, trust)] == ["cosigned"]
        assert [one.outcome for one in publish(audited, trust)] == ["known"]
        assert verify_export(audited.export(), trust=trust).findings == []
        audited.world.do(audited.world.issue("next@example.com"))
        audited.seal()
        assert [str(one) for one in verify_export(audited.export(), trust=trust).findings] != []
        assert [one.outcome for one in publish(audited, trust)] == ["cosigned"]
        assert verify_export(audited.export(), trust=trust).findings == []


def test_a_log_that_forgot_what_it_published_catches_up(audited: Audited, tmp_path: Path) -> None:
    vkey = create_folder(tmp_path / "w", "auditor.example/w")
    with witnessing(tmp_path / "w", audited.trust()) as url:
        trust = parse_trust(f"witness w {vkey} {url}\nquorum w\n")
        assert [one.outcome for one in publish(audited, trust)] == ["cosigned"]
        audited.tamper("DELETE FROM vestibule_cosignatures")
        audited.world.do(audited.world.issue("next@example.com"))
        audited.seal()
        assert [one.outcome for one in publish(audited, trust)] == ["cosigned"]


@pytest.mark.covers("K08")
def test_K08_a_witness_refuses_a_log_that_was_cut_back(audited: Audited, tmp_path: Path) -> None:
    vkey = create_folder(tmp_path / "w", "auditor.example/w")
    with witnessing(tmp_path / "w", audited.trust()) as url:
        trust = parse_trust(f"witness w {vkey} {url}\nquorum w\n")
        audited.world.do(audited.world.issue("next@example.com"))
        audited.seal()
        assert [one.outcome for one in publish(audited, trust)] == ["cosigned"]
        audited.tamper(
            "DELETE FROM vestibule_cosignatures",
            "DELETE FROM vestibule_checkpoints WHERE size = (SELECT MAX(size) FROM vestibule_checkpoints)",
        )
        [refused] = publish(audited, trust)
        assert (refused.outcome, "it knows a log of" in refused.problem) == ("refused", True)


def test_a_witness_that_is_down_or_somebody_else_is_told(audited: Audited, tmp_path: Path) -> None:
    vkey = create_folder(tmp_path / "w", "auditor.example/w")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        down = parse_trust(f"witness w {vkey} http://127.0.0.1:{taken.getsockname()[1]}\nquorum w\n")
        [unreachable] = publish(audited, down)
    assert unreachable.outcome == "unreachable"
    other = create_folder(tmp_path / "other", "auditor.example/w")
    with witnessing(tmp_path / "w", audited.trust()) as url:
        [refused] = publish(audited, parse_trust(f"witness w {other} {url}\nquorum w\n"))
    assert (refused.outcome, refused.problem) == ("refused", "its answer has no signature of its key")
    assert (
        audited.world.do(Call("read", lambda uow: uow.checkpoints.find_witnessed_size("auditor.example/w")))
        == 0
    )


def test_a_setting_that_names_no_policy_is_found(tmp_path: Path) -> None:
    assert read_witnesses("") == TrustPolicy()
    with pytest.raises(ConfigurationError, match="can't be read"):
        read_witnesses(str(tmp_path / "missing"))
    (tmp_path / "policy").write_text("nonsense\n")
    with pytest.raises(ConfigurationError, match="Line 1"):
        read_witnesses(str(tmp_path / "policy"))
    (tmp_path / "policy").write_text("quorum none\n")
    assert read_witnesses(str(tmp_path / "policy")).least == 0
