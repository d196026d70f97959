# SPDX-License-Identifier: Apache-2.0
"""A tenant with its own identity provider and its own proven domain, and how its people sign in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.identity.openid import Agent
from tests.identity.providers import Provider
from tests.pages.site import LocalAccount, Site
from vestibule.core.connection import ConnectionDraft

NewAgent = Callable[[], Agent]


@dataclass(frozen=True, slots=True)
class Company:
    """A tenant with its own provider and its own proven domain."""

    site: Site
    provider: Provider
    owner: LocalAccount
    tenant_id: str
    connection_id: str
    domain: str
    issuer: str

    def employee(self, name: str) -> str:
        return f"{name}~{name}@{self.domain}"

    def link(self, address: str) -> str:
        return self.site.invite(self.tenant_id, self.owner, address)


def leave(page: Page, company: Company, path: str = "/") -> None:
    """To the provider; the browser arrives there."""
    page.goto(f"{company.site.url}/sign-in/with/{company.connection_id}?next={path}")
    page.click("button:has-text('Acme SSO')")
    page.wait_for_url(f"{company.issuer}/**")


def ask(agent: Agent, company: Company, name: str) -> str:
    """A sign-in up to the provider's answer, which is not yet brought back."""
    url = agent.leave(company.connection_id)
    return agent.sign_in_at(company.provider, url, company.employee(name))


def found_company(site: Site, provider: Provider) -> Company:
    """A fresh one."""
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner)
    connection_id, domain = f"{tenant_id}-sso", f"{tenant_id}.example"
    client_id, secret = provider.register(f"{site.url}/sign-in/callback/{connection_id}")
    draft = ConnectionDraft(
        name="Acme SSO", provider="generic", issuer=provider.issuer, client_id=client_id, secret=secret
    )
    site.put_connection(tenant_id, connection_id, draft)
    site.prove(tenant_id, domain)
    return Company(site, provider, owner, tenant_id, connection_id, domain, provider.issuer)
