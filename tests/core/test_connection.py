# SPDX-License-Identifier: Apache-2.0
"""Whose address counts as verified, provider by provider, with claims as those providers send them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.factories import make_email, make_tenant
from vestibule.core.connecting import check_draft, choose_issuer
from vestibule.core.connection import (
    ENTRA_ISSUER,
    Connection,
    ConnectionDraft,
    Provider,
    check_connection,
    derive_proof,
    judge_claims,
    matches_issuer,
    narrow_addresses,
)
from vestibule.core.identity import VerifiedAddress, VerifiedIdentity
from vestibule.core.policy import DEFAULT_POLICY
from vestibule.errors import ConnectionRequiredError, InvalidRequestError, ProviderError

TID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
EVIL_TID = "99999999-4f89-41d3-9a0c-0305e82c3301"
DIRECTORY = f"https://login.microsoftonline.com/{TID}/v2.0"
ISSUERS: dict[Provider, str] = {
    "generic": "https://idp.acme.example",
    "google": "https://accounts.google.com",
    "entra": ENTRA_ISSUER,
    "entra_single": DIRECTORY,
    "apple": "https://appleid.apple.com",
}


def connect(provider: Provider, tenant_id: str = "", **changes: Any) -> Connection:
    connection = Connection(
        connection_id="c",
        tenant_id=tenant_id,
        name="C",
        provider=provider,
        issuer=ISSUERS[provider],
        client_id="client",
    )
    return dataclasses.replace(connection, **changes)


GOOGLE: dict[str, Any] = {
    "iss": "https://accounts.google.com",
    "azp": "1.apps.googleusercontent.com",
    "sub": "110169484474386276334",
    "hd": "acme.com",
    "email": "v@acme.com",
    "email_verified": True,
    "name": "Vera",
}
GMAIL = {**GOOGLE, "email": "vera@gmail.com", "hd": ...}
ENTRA: dict[str, Any] = {
    "iss": DIRECTORY,
    "tid": TID,
    "oid": "00000000-0000-0000-66f3-3332eca7ea81",
    "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
    "email": "v@acme.com",
    "preferred_username": "v@acme.com",
    "ver": "2.0",
    "xms_edov": True,
}
APPLE: dict[str, Any] = {
    "iss": "https://appleid.apple.com",
    "sub": "001999.5f2d.0404",
    "email": "v@acme.com",
    "email_verified": "true",
}
GENERIC: dict[str, Any] = {
    "iss": "https://idp.acme.example",
    "sub": "42",
    "email": "v@acme.com",
    "email_verified": True,
}

# provider, its tenant, claims, evidence or None
CASES: dict[str, tuple[Provider, str, dict[str, Any], str | None]] = {
    "google, its own mail": ("google", "", GMAIL, "google"),
    "google, its own mail unverified": ("google", "", {**GMAIL, "email_verified": False}, None),
    "google, workspace": ("google", "", GOOGLE, "google"),
    "google, workspace of another domain": ("google", "", {**GOOGLE, "hd": "evil.com"}, None),
    "google, address of elsewhere": ("google", "", {**GOOGLE, "hd": ...}, None),
    "google, a parent domain": ("google", "", {**GOOGLE, "hd": "com"}, None),
    "google, hd but unverified": ("google", "", {**GOOGLE, "email_verified": False}, None),
    "google, verified as a text": ("google", "", {**GOOGLE, "email_verified": "true"}, None),
    "google, verified as a number": ("google", "", {**GOOGLE, "email_verified": 1}, None),
    "google through a tenant's own": ("google", "acme", GOOGLE, "google"),
    "google through a tenant's own, elsewhere": ("google", "acme", {**GOOGLE, "hd": ...}, None),
    "entra, domain owner verified": ("entra", "", ENTRA, "entra_edov"),
    "entra, as a text": ("entra", "", {**ENTRA, "xms_edov": "true"}, "entra_edov"),
    "entra, no word on the domain": ("entra", "", {**ENTRA, "xms_edov": ...}, None),
    "entra, not the owner": ("entra", "", {**ENTRA, "xms_edov": False}, None),
    "entra, not the owner, as a text": ("entra", "", {**ENTRA, "xms_edov": "false"}, None),
    "entra, as a number": ("entra", "", {**ENTRA, "xms_edov": 1}, None),
    "entra, email_verified means nothing": (
        "entra",
        "",
        {**ENTRA, "xms_edov": ..., "email_verified": True},
        None,
    ),
    "entra through a tenant's own": ("entra", "acme", {**ENTRA, "xms_edov": ...}, None),
    "one directory": ("entra_single", "acme", {**ENTRA, "xms_edov": ...}, "sso"),
    "one directory, a guest": (
        "entra_single",
        "acme",
        {**ENTRA, "idp": f"https://sts.windows.net/{EVIL_TID}/"},
        None,
    ),
    "one directory, of nobody": ("entra_single", "", ENTRA, None),
    "apple": ("apple", "", APPLE, "apple"),
    "apple, true": ("apple", "", {**APPLE, "email_verified": True}, "apple"),
    "apple, unverified": ("apple", "", {**APPLE, "email_verified": "false"}, None),
    "apple, relay": (
        "apple",
        "",
        {**APPLE, "email": "x1@privaterelay.appleid.com", "is_private_email": "true"},
        None,
    ),
    "apple, relay, true": ("apple", "", {**APPLE, "is_private_email": True}, None),
    "a stranger": ("generic", "", GENERIC, None),
    "a tenant's own": ("generic", "acme", GENERIC, "sso"),
    "a tenant's own, unverified": ("generic", "acme", {**GENERIC, "email_verified": False}, None),
    "a tenant's own, without a word": ("generic", "acme", {**GENERIC, "email_verified": ...}, None),
    "a tenant's own, as a text": ("generic", "acme", {**GENERIC, "email_verified": "true"}, None),
    "no address": ("generic", "acme", {**GENERIC, "email": ...}, None),
    "two addresses": ("generic", "acme", {**GENERIC, "email": "v@acme.com, x@evil.com"}, None),
    "an address with a terminator": (
        "generic",
        "acme",
        {**GENERIC, "email": "v@acme.com\x00.evil.com"},
        None,
    ),
    "a list for an address": ("generic", "acme", {**GENERIC, "email": ["v@acme.com"]}, None),
}


def present(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not ...}


@pytest.mark.covers("ACC-03", "ACC-05", "A04", "A18", "S04")
@pytest.mark.parametrize("case", CASES)
def test_A18_an_address_counts_by_the_rule_of_its_provider(case: str) -> None:
    provider, tenant_id, claims, evidence = CASES[case]
    said = judge_claims(connect(provider, tenant_id), present(claims))
    assert [one.evidence for one in said.addresses] == ([] if evidence is None else [evidence])
    assert all(one.tenant_id == (tenant_id or None) for one in said.addresses)


@pytest.mark.covers("A18", "ACC-03")
def test_A18_nOAuth_an_attackers_directory_with_the_victims_address_is_another_person_without_an_address() -> (
    None
):
    attack = {**ENTRA, "tid": EVIL_TID, "iss": DIRECTORY.replace(TID, EVIL_TID), "oid": "attacker"}
    attack = {**attack, "xms_edov": False}
    victim, attacker = judge_claims(connect("entra"), ENTRA), judge_claims(connect("entra"), attack)
    assert attacker.addresses == ()
    assert attacker.principal_id != victim.principal_id
    assert not matches_issuer(connect("entra_single", "acme"), attack), "nor is it that directory's token"


@pytest.mark.covers("ACC-05", "S02")
@pytest.mark.parametrize(
    "issuer",
    ["https://login.microsoftonline.com/common/v2.0", DIRECTORY.replace(TID, EVIL_TID), ENTRA_ISSUER],
)
def test_S02_of_many_directories_the_issuer_is_the_tokens_own(issuer: str) -> None:
    assert matches_issuer(connect("entra"), ENTRA)
    assert not matches_issuer(connect("entra"), {**ENTRA, "iss": issuer})
    assert not matches_issuer(connect("entra"), {**ENTRA, "tid": "x/../y"})


@pytest.mark.covers("INT-04")
def test_a_principal_is_issuer_and_subject_and_in_a_directory_the_object() -> None:
    assert judge_claims(connect("generic"), GENERIC).principal_id == "https://idp.acme.example|42"
    assert judge_claims(connect("entra"), ENTRA).principal_id == f"{DIRECTORY}|{ENTRA['oid']}"
    assert judge_claims(connect("entra_single", "acme"), ENTRA).principal_id == f"{DIRECTORY}|{ENTRA['oid']}"


@pytest.mark.parametrize("subject", [..., "", " 42", 42, None, "x\n", "x" * 300])
def test_who_has_no_name_is_nobody(subject: object) -> None:
    with pytest.raises(ProviderError):
        judge_claims(connect("generic"), present({**GENERIC, "sub": subject}))


@pytest.mark.covers("S09")
def test_S09_methods_are_what_the_connection_translates_and_never_mfa_by_themselves() -> None:
    claims = {**GENERIC, "amr": ["mfa", "otp", "pwd", 7]}
    assert judge_claims(connect("generic"), claims).amr == ("unknown",)
    mapped = connect("generic", amr_map={"otp": "mfa", "pwd": "pwd"})
    assert judge_claims(mapped, claims).amr == ("unknown", "mfa", "pwd")
    assert judge_claims(mapped, {**claims, "amr": "otp"}).amr == ()


@pytest.mark.parametrize(
    "value,read",
    [
        (1_700_000_000, datetime.fromtimestamp(1_700_000_000, UTC)),
        (True, None),
        ("1", None),
        (None, None),
        (-1, None),
        (2**60, None),
    ],
)
def test_the_moment_of_authentication_is_a_whole_number_or_unknown(
    value: object, read: datetime | None
) -> None:
    assert judge_claims(connect("generic"), {**GENERIC, "auth_time": value}).authenticated_at == read


@pytest.mark.covers("ACC-05", "S03")
def test_S03_of_a_tenants_own_provider_only_addresses_of_domains_that_are_proven_now_count() -> None:
    def own(text: str) -> VerifiedAddress:
        return VerifiedAddress(address=make_email(text), evidence="sso", tenant_id="acme")

    everywhere = VerifiedAddress(address=make_email("v@gmail.com"), evidence="google")
    near = [own("v@sub.acme.com"), own("v@evilacme.com"), own("v@acme.com.evil.com")]
    assert narrow_addresses([own("v@acme.com"), *near, everywhere], {"acme.com"}) == (
        own("v@acme.com"),
        everywhere,
    )
    assert narrow_addresses([own("v@acme.com")], frozenset()) == ()


@pytest.mark.covers("ACC-05", "S01", "S02")
def test_S01_a_session_must_have_come_the_way_that_the_tenant_demands() -> None:
    policy = dataclasses.replace(
        DEFAULT_POLICY, require_connection="corp", connection_exceptions=frozenset({"guest.example"})
    )
    tenant = make_tenant(policy=policy)

    def came(connection: str, *addresses: VerifiedAddress, is_session: bool = True) -> VerifiedIdentity:
        return VerifiedIdentity(
            principal_id="p", connection=connection, addresses=addresses, is_session=is_session
        )

    check_connection(tenant, came("corp"))
    check_connection(make_tenant(), came("local"))
    check_connection(tenant, came("anything", is_session=False))
    guest = VerifiedAddress(address=make_email("g@guest.example"), evidence="code")
    check_connection(tenant, came("local", guest))
    elsewhere = dataclasses.replace(guest, tenant_id="globex")
    for wrong in (came("local"), came("globex-sso"), came("local", elsewhere)):
        with pytest.raises(ConnectionRequiredError) as refusal:
            check_connection(tenant, wrong)
        assert refusal.value.connection_id == "corp"


def test_what_goes_over_the_wire_says_nothing_of_the_secret_or_of_each_other() -> None:
    proof, again, other = derive_proof("vso_1"), derive_proof("vso_1"), derive_proof("vso_2")
    assert proof == again
    assert (
        len({proof.state, proof.nonce, proof.verifier, other.state, other.nonce, other.verifier, "vso_1"})
        == 7
    )
    assert len(proof.verifier) == 43
    assert "vso" not in repr(proof)
    assert proof.verifier not in repr(proof)


def draft(**changes: Any) -> ConnectionDraft:
    base = ConnectionDraft(name="Acme", provider="generic", issuer="https://idp.acme.example", client_id="c")
    return dataclasses.replace(base, **changes)


@pytest.mark.covers("INT-04", "A18")
@pytest.mark.parametrize(
    "pointer,changes",
    [
        ("/issuer", {"issuer": "http://idp.acme.example"}),
        ("/issuer", {"issuer": "http://127.0.0.1:9000"}),
        ("/issuer", {"issuer": "https://idp.acme.example?x=1"}),
        ("/issuer", {"issuer": "https://user@idp.acme.example"}),
        ("/issuer", {"issuer": "https://idp.acme.example/a|b"}),
        ("/issuer", {"issuer": "idp.acme.example"}),
        ("/issuer", {"issuer": "https://[::1"}),
        ("/issuer", {"issuer": "https://" + "a" * 200}),
        ("/issuer", {"provider": "google", "issuer": "https://idp.acme.example"}),
        ("/provider", {"issuer": "https://accounts.google.com"}),
        ("/provider", {"issuer": "https://accounts.google.com."}),
        ("/provider", {"issuer": DIRECTORY}),
        ("/provider", {"issuer": "https://sts.windows.net/x/"}),
        ("/issuer", {"provider": "entra_single", "issuer": "https://login.microsoftonline.com/common/v2.0"}),
        (
            "/issuer",
            {
                "provider": "entra_single",
                "issuer": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            },
        ),
        ("/client_id", {"client_id": ""}),
        ("/client_secret", {"secret": "line\nbreak"}),
        ("/amr_map", {"amr_map": {"x": "strong"}}),
        ("/name", {"name": ""}),
    ],
)
def test_what_can_be_no_connection_is_refused_by_field(pointer: str, changes: dict[str, Any]) -> None:
    check_draft(draft(), is_tenants=True, allows_loopback=False)
    with pytest.raises(InvalidRequestError) as refusal:
        check_draft(draft(**changes), is_tenants=True, allows_loopback=False)
    assert pointer in {fault.pointer for fault in refusal.value.faults}


def test_the_loopback_is_for_development_and_one_directory_for_tenants() -> None:
    check_draft(draft(issuer="http://127.0.0.1:9000"), is_tenants=True, allows_loopback=True)
    single = draft(provider="entra_single", issuer=DIRECTORY)
    check_draft(single, is_tenants=True, allows_loopback=False)
    with pytest.raises(InvalidRequestError):
        check_draft(single, is_tenants=False, allows_loopback=False)
    assert choose_issuer("google", None) == "https://accounts.google.com"
    assert choose_issuer("generic", "https://x.example") == "https://x.example"
