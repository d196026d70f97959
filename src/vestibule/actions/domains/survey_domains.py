# SPDX-License-Identifier: Apache-2.0
"""What an operator should know of all tenants' domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from vestibule.core import authority
from vestibule.core.domain import TenantDomain
from vestibule.core.identity import Actor
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSurvey:
    """*sample*: any domain, to ask name servers for; None when there is none."""

    sample: TenantDomain | None
    ending: Sequence[TenantDomain]
    contradictory: Sequence[TenantDomain]


def survey_domains(uow: UnitOfWork, actor: Actor, *, ending_within: timedelta, limit: int) -> DomainSurvey:
    """At most *limit* of each that need a look.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
    """
    authority.check_key(actor, "tenants")
    return DomainSurvey(
        sample=uow.domains.find_any(),
        ending=uow.domains.list_ending(uow.now() + ending_within, limit),
        contradictory=uow.domains.list_contradictory(limit),
    )
