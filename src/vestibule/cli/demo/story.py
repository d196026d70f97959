# SPDX-License-Identifier: Apache-2.0
"""What happened, step by step, and how it is told. Nothing here has ever seen a token: requests are kept as
method and route template, mails as their subject.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

_WIDTH = 66


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what was tried, what came of it, and whether that is what must come of it."""

    number: int
    chapter: str
    title: str
    request: str | None = None
    status: int | None = None
    expected_status: int | None = None
    mail: str | None = None
    state: str | None = None
    problem: str | None = None

    @property
    def is_right(self) -> bool:
        return self.problem is None and self.status == self.expected_status


@dataclass(slots=True)
class Story:
    """The steps so far; each is told as soon as it is known."""

    tell: Callable[[str], None]
    steps: list[Step] = field(default_factory=list)
    chapter: str = ""

    def begin(self, chapter: str) -> None:
        self.chapter = chapter
        self.tell(f"\n{chapter}\n{'-' * len(chapter)}")

    def add(
        self,
        title: str,
        *,
        request: str | None = None,
        status: int | None = None,
        expected: int | None = None,
        mail: str | None = None,
        state: str | None = None,
        problem: str | None = None,
    ) -> None:
        step = Step(
            number=len(self.steps) + 1,
            chapter=self.chapter,
            title=title,
            request=request,
            status=status,
            expected_status=expected,
            mail=mail,
            state=state,
            problem=problem,
        )
        self.steps.append(step)
        for line in _tell(step):
            self.tell(line)

    @property
    def is_right(self) -> bool:
        return bool(self.steps) and all(step.is_right for step in self.steps)

    def close(self) -> None:
        wrong = [step for step in self.steps if not step.is_right]
        self.tell("")
        if wrong:
            numbers = ", ".join(str(step.number) for step in wrong)
            self.tell(f"{len(wrong)} of {len(self.steps)} steps went otherwise than they must: {numbers}.")
        else:
            self.tell(f"All {len(self.steps)} steps went as they must.")

    def dump(self, engine: str) -> str:
        """The whole story for machines."""
        steps = [{**asdict(step), "as_expected": step.is_right} for step in self.steps]
        return json.dumps({"engine": engine, "as_expected": self.is_right, "steps": steps}, indent=2)


def _tell(step: Step) -> list[str]:
    lines = [f"{step.number:>3}  {step.title}"]
    if step.request is not None:
        shown = f"{step.status}" if step.status is not None else "no answer"
        lines.append(f"       {step.request.ljust(_WIDTH)} {shown}")
    if step.mail is not None:
        lines.append(f"       mail   {step.mail}")
    if step.state is not None:
        lines.append(f"       after  {step.state}")
    if step.status != step.expected_status:
        lines.append(f"     ! expected {step.expected_status}")
    if step.problem is not None:
        lines.append(f"     ! {step.problem}")
    return lines
