# SPDX-License-Identifier: Apache-2.0
"""Domains of a tenant: how one is proved, and what an address there may expect (TEN-03, ISS-09).

A domain stands on one rung of a ladder. From ``suggest`` upwards the rung needs a live proof by DNS; when
the proof lapses, the rung in force is ``invite_only`` at that moment, whoever has or has not recorded it.
A domain means its whole labels: ``acme.com`` says nothing about ``sub.acme.com`` or ``evilacme.com`` (S03).

Where rules combine, the strictest wins (S07): the tenant's allow-list, its required connection, the roles
that need an approval, and a person's earlier removal each narrow what a rung offers; none widens it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vestibule.core.email import AddressFaultError, EmailAddress, parse_domain
from vestibule.core.identity import RULE_NAMES
from vestibule.core.policy import OWNER, Policy
from vestibule.errors import DomainNotAllowedError, FieldFault, InvalidRequestError

RECORD_LABEL = "_vestibule"
RECORD_PREFIX = "vestibule-domain="


class Rung(StrEnum):
    """What an address of the domain may expect, the strictest first."""

    DENY = "deny"
    INVITE_ONLY = "invite_only"
    SUGGEST = "suggest"
    REQUEST = "request"
    AUTO_JOIN = "auto_join"
    SSO_REQUIRED = "sso_required"

    @property
    def needs_proof(self) -> bool:
        return self not in (Rung.DENY, Rung.INVITE_ONLY)

    @property
    def admits(self) -> bool:
        """May a person join by the rule alone?"""
        return self in (Rung.AUTO_JOIN, Rung.SSO_REQUIRED)


class DomainFinding(StrEnum):
    """What the last look at a domain's record found."""

    PROVED = "proved"
    NO_RECORD = "no_record"
    OTHER_VALUE = "other_value"
    TOO_MANY_RECORDS = "too_many_records"
    SERVER_FAILED = "server_failed"
    MALFORMED = "malformed"
    ALIAS = "alias"
    TIMED_OUT = "timed_out"
    NOT_PROVABLE = "not_provable"


class DomainKind(StrEnum):
    """What lists say of a domain: who has an address there need not belong together."""

    PUBLIC_SUFFIX = "public_suffix"
    PUBLIC_MAIL = "public_mail"
    DISPOSABLE = "disposable"


class Door(StrEnum):
    """What is offered to a person whose verified address is at a proved domain."""

    JOIN = "join"
    SIGN_IN = "sign_in"
    REQUEST = "request"
    SUGGEST = "suggest"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPolicy:
    """How long a proof lives, and how often it is looked for again."""

    lifetime: timedelta = timedelta(days=30)
    check_every: timedelta = timedelta(days=1)
    check_failing_every: timedelta = timedelta(hours=1)
    records_max: int = 20
    domains_max: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainDraft:
    """What an owner may say about a domain; what is None is kept, or has its default."""

    rung: Rung | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainAnswer:
    """What DNS said: the texts of the records at one name, or the fault on the way to them."""

    texts: Sequence[str] = ()
    fault: DomainFinding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRule:
    """What a decision needs of a domain, as of one moment."""

    rung: Rung
    role: str
    is_proved: bool

    @property
    def rung_in_force(self) -> Rung:
        return self.rung if self.is_proved or not self.rung.needs_proof else Rung.INVITE_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDomain:
    """A domain of a tenant, with the challenge that proves it and what was last found."""

    tenant_id: str
    domain: str
    rung: Rung
    role: str
    challenge: str
    created_at: datetime
    proved_at: datetime | None = None
    proof_expires_at: datetime | None = None
    checked_at: datetime | None = None
    finding: DomainFinding | None = None

    def is_proved(self, now: datetime) -> bool:
        return self.proof_expires_at is not None and now < self.proof_expires_at

    def rule_at(self, now: datetime) -> DomainRule:
        return DomainRule(rung=self.rung, role=self.role, is_proved=self.is_proved(now))

    @property
    def record_name(self) -> str:
        """Where the TXT record stands."""
        return record_name(self.domain)

    @property
    def record_value(self) -> str:
        """What the TXT record says: nobody else's challenge, so that two tenants prove a domain apart."""
        return RECORD_PREFIX + self.challenge


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainView:
    """A domain as its tenant's administrators see it, at one moment."""

    domain: TenantDomain
    now: datetime

    @property
    def rung_in_force(self) -> Rung:
        return self.domain.rule_at(self.now).rung_in_force


def record_name(domain: str) -> str:
    """The one name at which the proof of *domain* is looked for."""
    return f"{RECORD_LABEL}.{domain}"


def read_domain(raw: object, pointer: str = "/domain") -> str:
    """The A-label form of a whole domain.

    Raises:
        InvalidRequestError: it is none; the fault has *pointer*.
    """
    try:
        return parse_domain(raw)
    except AddressFaultError:
        raise InvalidRequestError(FieldFault(pointer, "Give one whole domain such as example.com.")) from None


def check_domain_kind(kind: DomainKind | None, rung: Rung | None) -> None:
    """A domain of this kind may stand on *rung*; None means to be proved.

    Raises:
        InvalidRequestError: it is a public suffix; or anybody can have an address there, and this would let
            them all in.
    """
    if kind is DomainKind.PUBLIC_SUFFIX:
        told = "This is a public suffix, under which strangers register; give a domain of your own."
        raise InvalidRequestError(FieldFault("/domain", told))
    if kind is not None and (rung is None or rung.needs_proof):
        what = "public mail" if kind is DomainKind.PUBLIC_MAIL else "disposable mail"
        told = f"Anybody can have an address at this {what} domain; it can only be deny or invite_only."
        raise InvalidRequestError(FieldFault("/domain", told))


def check_not_denied(rule: DomainRule | None) -> None:
    """No rung of the tenant denies the domain.

    Raises:
        DomainNotAllowedError: it is denied.
    """
    if rule is not None and rule.rung is Rung.DENY:
        raise DomainNotAllowedError


def check_default_role(policy: Policy, role: str) -> None:
    """A rule may give this role to everybody at a domain.

    Raises:
        InvalidRequestError: there is no such role, or it is one that nobody gets without an approval.
    """
    if role not in policy.roles:
        told = "No such role; give one of the tenant's roles exactly."
        raise InvalidRequestError(FieldFault("/role", told))
    if not may_be_default(policy, role):
        raise InvalidRequestError(
            FieldFault(
                "/role", "A rule can't give a role that needs an approval, a stated reason or a review."
            )
        )


def may_be_default(policy: Policy, role: str) -> bool:
    """It exists, is not the owner's, and is given without approval, stated reason or review."""
    rule = policy.rule_of(role)
    asks_more = rule.approvals > 0 or rule.justification or rule.review_within is not None
    return role in policy.roles and role != OWNER and not asks_more


def judge_answer(answer: DomainAnswer, expected: str, rules: ProofPolicy) -> DomainFinding:
    """Does one of the records say exactly *expected*? Others beside it are somebody else's business."""
    if answer.fault is not None:
        return answer.fault
    if len(answer.texts) > rules.records_max:
        return DomainFinding.TOO_MANY_RECORDS
    if expected in answer.texts:
        return DomainFinding.PROVED
    return DomainFinding.OTHER_VALUE if answer.texts else DomainFinding.NO_RECORD


def contradicts(domain: TenantDomain, policy: Policy) -> bool:
    """Does policy take back what the rung says? Then the stricter holds, which nobody may have meant."""
    allowed = policy.allowed_domains
    is_listed = allowed is not None and domain.domain in allowed
    denies_listed = domain.rung is Rung.DENY and is_listed
    offers_unlisted = domain.rung.needs_proof and allowed is not None and not is_listed
    lacks_connection = domain.rung is Rung.SSO_REQUIRED and policy.require_connection is None
    loses_role = domain.rung.admits and not may_be_default(policy, domain.role)
    return denies_listed or offers_unlisted or lacks_connection or loses_role


def rule_name(domain: str) -> str:
    """The inviter of a promise that the rule of *domain* made."""
    return RULE_NAMES + domain


def rule_admits(
    rule: DomainRule | None, policy: Policy, inviter_principal_id: str, address: EmailAddress, role: str
) -> bool:
    """Does the rule named as inviter still give *role* to *address*, without anybody's word?"""
    if rule is None or inviter_principal_id != rule_name(address.domain):
        return False
    if rule.rung_in_force is Rung.SSO_REQUIRED and policy.require_connection is None:
        return False
    return rule.rung_in_force.admits and rule.role == role and may_be_default(policy, role)


def required_connection(policy: Policy, address: EmailAddress, rule: DomainRule | None) -> str | None:
    """The connection that whoever joins by *rule* must come through; None means any.

    The tenant's exceptions for guests are none on the rung that asks for its connection.
    """
    if rule is not None and rule.rung is Rung.SSO_REQUIRED:
        return policy.require_connection
    return policy.connection_for(address)


def find_door(
    rule: DomainRule,
    policy: Policy,
    address: EmailAddress,
    connection: str | None,
    *,
    must_ask: bool = False,
) -> Door | None:
    """What is offered to somebody with this verified *address*, signed in through *connection*.

    *must_ask*: an administrator has removed this person before; the rule alone no longer admits.
    """
    domains, required = policy.allowed_domains, required_connection(policy, address, rule)
    if not rule.rung_in_force.needs_proof or (domains is not None and not address.is_within(domains)):
        return None
    if rule.rung_in_force is Rung.SUGGEST:
        return Door.SUGGEST
    if must_ask or not rule_admits(rule, policy, rule_name(address.domain), address, rule.role):
        # Nobody could decide on an address that is not kept.
        return None if policy.is_blind else Door.REQUEST
    return Door.JOIN if required is None or connection == required else Door.SIGN_IN
