# SPDX-License-Identifier: Apache-2.0
"""The log's heads are brought to its witnesses. Sealing and signing never wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx2

from vestibule.actions.log.submit_checkpoint import Submission, keep_cosignature, prepare_submission
from vestibule.core.log.checkpoint import parse_decimal
from vestibule.core.log.note import Note, Verify, parse_note, parse_signatures, signed_by
from vestibule.core.log.trust import TrustPolicy, Witness, parse_trust
from vestibule.errors import ConfigurationError, InvalidRequestError, UnavailableError
from vestibule.log import get_logger
from vestibule.ports import Runner

_ANSWER_MAX = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPolicy:
    """In seconds: how often witnesses are asked, and how long one may take."""

    every: float = 5.0
    patience: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What one witness did: ``cosigned``, ``known`` (it has seen this head), ``unreachable``, or ``refused``.

    A witness that refuses has seen another history than the one we hold: that is what it is for.
    """

    witness: str
    outcome: str
    size: int = 0
    problem: str = ""


def read_witnesses(path: str) -> TrustPolicy:
    """Whose cosignatures the log asks for; nobody's where VESTIBULE_WITNESSES is unset.

    Raises:
        ConfigurationError: the file is no policy (c2sp.org/tlog-policy).
    """
    if not path:
        return TrustPolicy()
    try:
        return parse_trust(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        problem = f"can't be read ({type(error).__name__})"
        raise ConfigurationError("VESTIBULE_WITNESSES", problem, "Name a readable file") from None
    except InvalidRequestError as error:
        problem = " ".join(fault.message for fault in error.faults)
        raise ConfigurationError("VESTIBULE_WITNESSES", problem, "See docs/audit.md") from None


class Publisher:
    """Asks the witnesses that *trust* gives a URL for."""

    def __init__(
        self, *, runner: Runner, trust: TrustPolicy, verify: Verify, policy: PublishPolicy | None = None
    ) -> None:
        self._runner = runner
        self._witnesses = [witness for witness in trust.witnesses.values() if witness.url]
        self._verify = verify
        self._policy = policy or PublishPolicy()
        self._log = get_logger()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until *stopping*."""
        while not stopping.is_set():
            try:
                for done in await self.publish():
                    self._tell(done)
            except UnavailableError:
                self._log.warning("publisher_waits_for_database")
            except Exception as error:  # noqa: BLE001 - the next round may fare better, and mail must go on
                self._log.error("publishing_failed", problem=type(error).__name__)
            try:
                await asyncio.wait_for(stopping.wait(), timeout=self._policy.every)
            except TimeoutError:
                continue

    async def publish(self) -> Sequence[Published]:
        """Every witness is asked once, all at the same time."""
        async with httpx2.AsyncClient(timeout=self._policy.patience, trust_env=False) as client:
            return await asyncio.gather(*(self._ask(client, witness) for witness in self._witnesses))

    async def _ask(self, client: httpx2.AsyncClient, witness: Witness) -> Published:
        submission = await self._runner.read(prepare_submission, witness.key.name)
        if submission is None:
            return Published(witness=witness.name, outcome="known")
        try:
            async with asyncio.timeout(self._policy.patience):
                status, answer = await self._post(client, witness, submission)
                if status == HTTPStatus.CONFLICT:
                    known = parse_decimal(answer.removesuffix("\n"))
                    again = await self._runner.read(prepare_submission, witness.key.name, old_size=known)
                    if again is None:
                        return self._refused(witness, submission, f"it knows a log of {known} leaves")
                    submission = again
                    status, answer = await self._post(client, witness, submission)
            if status != HTTPStatus.OK:
                return self._refused(witness, submission, f"it answers {status}")
            return await self._keep(witness, submission, answer)
        except (httpx2.HTTPError, TimeoutError) as error:
            problem = type(error).__name__
            return Published(
                witness=witness.name, outcome="unreachable", size=submission.size, problem=problem
            )
        except InvalidRequestError as error:
            return self._refused(witness, submission, " ".join(fault.message for fault in error.faults))

    async def _post(
        self, client: httpx2.AsyncClient, witness: Witness, submission: Submission
    ) -> tuple[int, str]:
        url = f"{witness.url}".rstrip("/") + "/add-checkpoint"
        async with client.stream("POST", url, content=submission.body.encode()) as answer:
            data = b""
            async for part in answer.aiter_raw():
                data += part
                if len(data) > _ANSWER_MAX:
                    raise TimeoutError
            return answer.status_code, data.decode(errors="replace")

    async def _keep(self, witness: Witness, submission: Submission, answer: str) -> Published:
        text = parse_note(submission.note).text
        found = signed_by(Note(text, parse_signatures(answer)), [witness.key], self._verify)
        if witness.key not in found:
            return self._refused(witness, submission, "its answer has no signature of its key")
        line = str(found[witness.key])
        await self._runner.run(keep_cosignature, submission.size, witness=witness.key.name, line=line)
        return Published(witness=witness.name, outcome="cosigned", size=submission.size)

    def _refused(self, witness: Witness, submission: Submission, problem: str) -> Published:
        return Published(witness=witness.name, outcome="refused", size=submission.size, problem=problem)

    def _tell(self, done: Published) -> None:
        if done.outcome == "refused":
            self._log.error("witness_refuses", witness=done.witness, size=done.size, problem=done.problem)
        elif done.outcome == "unreachable":
            self._log.warning("witness_unreachable", witness=done.witness, problem=done.problem)
