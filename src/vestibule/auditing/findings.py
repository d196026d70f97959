# SPDX-License-Identifier: Apache-2.0
"""What a verification says: findings, each of which breaks a promise, and notices, which only inform."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: the tenant, the event's place in its tree where there is one, and what differs."""

    tenant_id: str
    seq: int | None
    what: str

    def __str__(self) -> str:
        place = "" if self.seq is None else f" #{self.seq}"
        return f"{self.tenant_id}{place}: {self.what}"


@dataclass(slots=True)
class Report:
    """Filled by each step in turn."""

    tenant_id: str
    size: int = 0
    findings: list[Finding] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def find(self, what: str, seq: int | None = None) -> None:
        self.findings.append(Finding(self.tenant_id, seq, what))

    def note(self, what: str) -> None:
        self.notices.append(what)
