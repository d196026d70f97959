# SPDX-License-Identifier: Apache-2.0
"""Asking an identity provider, whose addresses a tenant may have chosen: nothing inside our network answers.

Guarantees:

* the name is resolved here, every address checked, and the connection made to a checked one (no rebinding);
* only public addresses; the loopback only in development, where this service itself is there;
* https only (http to that loopback), no redirects, no proxy, at most 256 KiB, a deadline for everything.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2

from vestibule.core.strict import load_object
from vestibule.errors import ProviderError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_ADDRESSES_MAX = 4
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """Seconds and bytes that an answer may take."""

    connect: float = 3
    total: float = 8
    body: int = 256 * 1024


class Fetcher:
    """Fetches JSON objects from identity providers."""

    def __init__(
        self, *, allows_loopback: bool, limits: FetchLimits | None = None, resolve: Resolve | None = None
    ) -> None:
        self._allows_loopback = allows_loopback
        self._limits = limits or FetchLimits()
        self._resolve = resolve or _resolve
        self._tls = httpx2.create_ssl_context(trust_env=False)

    async def get(self, url: str, *, bearer: str | None = None) -> dict[str, Any]:
        """The JSON object at *url*.

        Raises:
            ProviderError: there is none, or it can't be asked for.
        """
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        status, document = await self._fetch("GET", url, headers, b"")
        if status != 200:
            raise ProviderError("status", f"{_name(url)} answered {status}.")
        return document

    async def post(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object that a form sent to *url* is answered with.

        Raises:
            ProviderError: an error is; or nothing that can be read.
        """
        form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        status, document = await self._fetch("POST", url, form, urlencode(fields).encode())
        if status != 200:
            raise ProviderError(_error_word(document), f"{_name(url)} answered {status}.")
        return document

    def check_url(self, url: str) -> None:
        """*url* is one that would be asked.

        Raises:
            ProviderError: it is not.
        """
        self._split(url)

    def _split(self, url: str) -> tuple[str, int]:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ProviderError("url", "The provider names something that is no URL.") from None
        if not host or parts.username is not None or parts.password is not None or parts.fragment:
            raise ProviderError("url", "The provider names a URL without a host, or with credentials.")
        is_loopback = self._allows_loopback and parts.scheme == "http" and host in _LOOPBACK
        if parts.scheme != "https" and not is_loopback:
            raise ProviderError("url", f"The provider names a URL that is not https: {host}.")
        return host, port or (443 if parts.scheme == "https" else 80)

    async def _fetch(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        host, port = self._split(url)
        try:
            async with asyncio.timeout(self._limits.total):
                addresses = await self._find_addresses(host, port)
                status, answer = await self._ask(method, url, addresses, headers, body)
        except TimeoutError:
            raise ProviderError("timeout", f"{host} does not answer in time.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise ProviderError("unreachable", f"{host} can't be reached ({type(error).__name__}).") from None
        try:
            return status, load_object(answer)
        except ValueError:
            if status != 200:
                return status, {}
            raise ProviderError("document", f"{host} answered something that is no JSON object.") from None

    async def _find_addresses(self, host: str, port: int) -> Sequence[Address]:
        found = [ipaddress.ip_address(text.partition("%")[0]) for text in await self._resolve(host, port)]
        # All of them: a name with one address inside is not a name to talk to.
        if not found or not all(is_public(one) or self._is_own_loopback(one) for one in found):
            raise ProviderError("address", f"{host} is not a public address.")
        return found[:_ADDRESSES_MAX]

    def _is_own_loopback(self, address: Address) -> bool:
        return self._allows_loopback and address.is_loopback

    async def _ask(
        self, method: str, url: str, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        timeout = httpx2.Timeout(self._limits.total, connect=self._limits.connect)
        async with httpx2.AsyncClient(
            verify=self._tls, timeout=timeout, follow_redirects=False, trust_env=False
        ) as client:
            for place, address in enumerate(addresses):
                request = _pin(client, method, url, address, headers, body)
                try:
                    response = await client.send(request, stream=True)
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    if place + 1 == len(addresses):
                        raise
                    continue
                try:
                    return response.status_code, await self._read(response)
                finally:
                    await response.aclose()
        raise ProviderError("address", "The provider has no address.")

    async def _read(self, response: httpx2.Response) -> bytes:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ProviderError("document", "The provider answered with a compressed body.")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._limits.body:
                raise ProviderError("document", f"The provider answered more than {self._limits.body} bytes.")
        return bytes(body)


def is_public(address: Address) -> bool:
    """May anybody on the Internet have this address? Addresses that stand for another count as that one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def _pin(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    address: Address,
    headers: Mapping[str, str],
    body: bytes,
) -> httpx2.Request:
    """The request for *url*, to *address*: the name is for the ``Host`` field and the certificate only."""
    named = httpx2.URL(url)
    sent = {
        "Host": named.netloc.decode("ascii"),
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "vestibule",
        **headers,
    }
    return client.build_request(
        method,
        named.copy_with(host=str(address)),
        headers=sent,
        content=body,
        extensions={"sni_hostname": named.raw_host.decode("ascii")},
    )


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _name(url: str) -> str:
    return urlsplit(url).hostname or "The provider"


def _error_word(document: Mapping[str, Any]) -> str:
    """The error of RFC 6749 5.2, if that is what it is: it may be logged, so it is a word and no more."""
    word = document.get("error")
    is_word = isinstance(word, str) and len(word) <= 40 and word.replace("_", "").isalpha() and word.isascii()
    return word if isinstance(word, str) and is_word else "status"
