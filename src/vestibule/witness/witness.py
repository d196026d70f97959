# SPDX-License-Identifier: Apache-2.0
"""The judgement of a witness on one submission, and its cosignature (c2sp.org/tlog-cosignature, Ed25519)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from vestibule.core.log.note import NoteKey, Sign, Verify, cosign_text, signed_by
from vestibule.core.log.tree import is_consistent
from vestibule.errors import InvalidRequestError
from vestibule.witness.memory import Memory
from vestibule.witness.submission import Submission, parse_submission

SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one submission."""

    status: HTTPStatus
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """*clock* tells seconds since 1970: it is this witness's word for when it saw the head."""

    key: NoteKey
    sign: Sign
    logs: Sequence[NoteKey]
    memory: Memory
    verify: Verify
    clock: Callable[[], int]

    def add_checkpoint(self, body: bytes) -> Verdict:
        """Judge and remember, in one transaction; sign only what is remembered."""
        try:
            submission = parse_submission(body)
        except InvalidRequestError as error:
            return Verdict(HTTPStatus.BAD_REQUEST, " ".join(fault.message for fault in error.faults) + "\n")
        known = [key for key in self.logs if key.name == submission.checkpoint.origin]
        if not known:
            return Verdict(HTTPStatus.NOT_FOUND, "This log is not known here.\n")
        if not self._is_signed(submission, known):
            return Verdict(HTTPStatus.FORBIDDEN, "No key of this log has signed it.\n")
        if submission.old_size > submission.checkpoint.size:
            return Verdict(HTTPStatus.BAD_REQUEST, "The old size is larger than the new.\n")
        with self.memory.hold(submission.checkpoint.origin) as log:
            last = log.recall()
            refusal = _refuse(submission, last.size, last.root)
            if refusal is not None:
                return refusal
            log.put(submission.checkpoint)
        line = cosign_text(submission.note.text, self.key, self.clock(), self.sign)
        return Verdict(HTTPStatus.OK, str(line))

    def _is_signed(self, submission: Submission, known: Sequence[NoteKey]) -> bool:
        try:
            return bool(signed_by(submission.note, known, self.verify))
        except InvalidRequestError:
            return False


def _refuse(submission: Submission, size: int, root: bytes) -> Verdict | None:
    new = submission.checkpoint
    is_other_root = submission.old_size == new.size and new.root != root
    if submission.old_size != size or is_other_root:
        return Verdict(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE)
    if not is_consistent(size, new.size, root, new.root, submission.path):
        return Verdict(HTTPStatus.UNPROCESSABLE_ENTITY, "The log has not only grown.\n")
    return None
