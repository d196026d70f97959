# SPDX-License-Identifier: Apache-2.0
"""A real Chromium without JavaScript, and a site for it to visit."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.identity.openid import Agent
from tests.identity.providers import Provider, run_provider
from tests.pages.company import Company, NewAgent, found_company
from tests.pages.site import PASSWORD, LocalAccount, Site, make_site
from tests.servers import PostgresServer

NewPage = Callable[[], Page]
Visit = Callable[..., httpx2.Client]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    running = make_site(tmp_path_factory.mktemp("site"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def postgresql_site(postgres_server: PostgresServer) -> Iterator[Site]:
    running = make_site(postgres_server.url(postgres_server.create_database()))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path is not None, "install Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Each page is a browser of its own: other cookies, no JavaScript."""
    contexts = []

    def make() -> Page:
        context = browser.new_context(java_script_enabled=False)
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def sign_in(page: Page, site: Site, who: LocalAccount, path: str = "/") -> None:
    page.goto(f"{site.url}/sign-in?next={path}")
    page.fill("[name=email]", who.address)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")


@pytest.fixture
def visit(site: Site) -> Iterator[Visit]:
    """A client without a browser, as one whose forms are our own; signed in, when somebody is given."""
    with ExitStack() as stack:

        def enter(who: LocalAccount | None = None) -> httpx2.Client:
            headers = {"sec-fetch-site": "same-origin"}
            client = stack.enter_context(httpx2.Client(base_url=site.url, headers=headers, timeout=60))
            if who is not None:
                form = {"email": who.address, "password": PASSWORD}
                assert client.post("/sign-in", data=form).status_code == 303
            return client

        yield enter


@pytest.fixture(scope="session", params=["node", "mock"])
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """Two independent OpenID providers."""
    with run_provider(request.param) as running:
        yield running


@pytest.fixture
def company(site: Site, provider: Provider) -> Company:
    return found_company(site, provider)


@pytest.fixture
def new_agent(site: Site) -> Iterator[NewAgent]:
    """Each agent is a browser of its own."""
    agents: list[Agent] = []

    def make() -> Agent:
        agents.append(Agent(site.url))
        return agents[-1]

    yield make
    for agent in agents:
        agent.client.close()
