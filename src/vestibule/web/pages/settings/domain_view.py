# SPDX-License-Identifier: Apache-2.0
"""A tenant's domain in words: its rung, the state of its proof, and the record that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from vestibule.core.display import format_moment
from vestibule.core.domain import DomainFinding, DomainView, Rung, may_be_default
from vestibule.core.policy import Policy
from vestibule.web.pages.settings.frame import Screen

RUNG_WORDS: Mapping[str, str] = {
    Rung.DENY: "Nobody: invitations to it are refused",
    Rung.INVITE_ONLY: "By invitation only",
    Rung.SUGGEST: "Its people are told of this tenant",
    Rung.REQUEST: "Its people may ask to join",
    Rung.AUTO_JOIN: "Its people join by themselves",
    Rung.SSO_REQUIRED: "Its people join through the required connection",
}
_FINDINGS: Mapping[DomainFinding, str] = {
    DomainFinding.PROVED: "The record was found.",
    DomainFinding.NO_RECORD: "There is no TXT record of that name yet. New records can take an hour to show.",
    DomainFinding.OTHER_VALUE: "There is a TXT record of that name, with another value.",
    DomainFinding.TOO_MANY_RECORDS: "There are too many TXT records of that name.",
    DomainFinding.SERVER_FAILED: "The name servers of the domain could not answer. Try again later.",
    DomainFinding.MALFORMED: "The name servers of the domain gave an answer that can't be read.",
    DomainFinding.ALIAS: "That name is an alias (CNAME). Put the TXT record there itself.",
    DomainFinding.TIMED_OUT: "The name servers of the domain did not answer in time. Try again later.",
    DomainFinding.NOT_PROVABLE: "Anybody can have an address at this domain: it can't be proved.",
}


def describe_domain(view: DomainView, screen: Screen) -> dict[str, object]:
    """One domain for the list."""
    domain, now = view.domain, view.now
    is_proved = domain.is_proved(now)
    is_failing = is_proved and domain.finding not in (None, DomainFinding.PROVED)
    state, label = _describe_proof(is_proved=is_proved, is_failing=is_failing)
    ends, looked = domain.proof_expires_at, domain.checked_at
    return {
        "domain": domain.domain,
        "url": f"{screen.path}/domains/{quote(domain.domain, safe='')}",
        "rung": domain.rung.value,
        "role": domain.role,
        "is_proved": is_proved,
        "state": state,
        "state_label": label,
        "proved_text": format_moment(ends) if is_proved and ends is not None else None,
        "in_force_text": None if view.rung_in_force is domain.rung else RUNG_WORDS[view.rung_in_force],
        "rung_text": RUNG_WORDS[domain.rung],
        "record_name": domain.record_name,
        "record_value": domain.record_value,
        "finding_text": None if domain.finding is None else _FINDINGS[domain.finding],
        "checked_text": None if looked is None else format_moment(looked),
    }


def list_default_roles(policy: Policy) -> list[str]:
    """The roles that a domain's rule may give."""
    return sorted(role for role in policy.roles if may_be_default(policy, role))


def _describe_proof(*, is_proved: bool, is_failing: bool) -> tuple[str, str]:
    if is_failing:
        return "near", "Proof failing"
    return ("active", "Proved") if is_proved else ("held", "Not proved")
