# SPDX-License-Identifier: Apache-2.0
"""Checks of tenants' domains: name servers answer, proofs stand, rules don't contradict each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta

from vestibule.actions.domains.survey_domains import DomainSurvey, survey_domains
from vestibule.bootstrap import build_plain_runner, make_names
from vestibule.cli.doctor.finding import Finding, failure, fine, warning
from vestibule.cli.running import OPERATOR
from vestibule.core.domain import DomainFinding, TenantDomain
from vestibule.settings import Settings

ENDING_SOON = timedelta(days=7)
_SHOWN = 5
_UNREACHED = (DomainFinding.SERVER_FAILED, DomainFinding.TIMED_OUT)


def check_domains(settings: Settings) -> Iterator[Finding]:
    """Everything about domains; name servers are asked only where a domain or a setting needs them."""
    runner = build_plain_runner(settings, opens_addresses=False)
    try:
        survey = runner.read(survey_domains, OPERATOR, ending_within=ENDING_SOON, limit=_SHOWN + 1)
    finally:
        runner.close()
    if survey.sample is None and not settings.dns_resolvers:
        yield fine("name servers", "not needed: no tenant has a domain")
    else:
        yield _check_name_servers(settings, survey)
    yield _check_proofs(survey)
    yield _check_rules(survey)


def _check_name_servers(settings: Settings, survey: DomainSurvey) -> Finding:
    name = "_vestibule.example.com" if survey.sample is None else survey.sample.record_name
    answer = asyncio.run(make_names(settings).look_up(name))
    if answer.fault in _UNREACHED:
        remedy = "Let this machine reach a name server, or set VESTIBULE_DNS_RESOLVERS"
        return failure("name servers", f"no answer ({answer.fault}): no domain can be proved", remedy)
    return fine("name servers", "they answer")


def _check_proofs(survey: DomainSurvey) -> Finding:
    if not survey.ending:
        return fine("proofs of domains", "none is about to lapse")
    remedy = "Publish their records again (`vestibule domain check`), and see that a worker runs"
    told = f"about to lapse: {_name_some(survey.ending)}"
    return warning("proofs of domains", told, remedy)


def _check_rules(survey: DomainSurvey) -> Finding:
    if not survey.contradictory:
        return fine("rules of domains", "none contradicts its tenant's policy")
    remedy = (
        "Bring rung and policy together: a denied domain off `allowed_domains`, an opened one on it, "
        "`require_connection` for sso_required; until then the stricter rule holds"
    )
    return warning("rules of domains", f"contradictory: {_name_some(survey.contradictory)}", remedy)


def _name_some(domains: Sequence[TenantDomain]) -> str:
    named = [f"{one.domain} ({one.tenant_id}, {one.rung.value})" for one in domains[:_SHOWN]]
    return ", ".join(named) + (", and more" if len(domains) > _SHOWN else "")
