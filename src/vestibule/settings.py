# SPDX-License-Identifier: Apache-2.0
"""Deployment settings: ``VESTIBULE_*`` variables over one TOML file (``VESTIBULE_CONFIG``), read once.

Secrets never print themselves. A mistake is found here, by the name of the setting (house rule 12).
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vestibule.core.limits import LIMIT_NAMES, Limits, parse_limit
from vestibule.errors import ConfigurationError

PREFIX = "VESTIBULE_"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PLATFORM_KEY_MIN = 32
_PORT_MAX = 65_535
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of a deployment. ``docs/settings.md`` lists them; a test compares."""

    database_url: str = field(repr=False)
    public_url: str
    link_hosts: tuple[str, ...] = ()
    keyring: str = ""
    keyring_secret: str = field(default="", repr=False)
    keyring_secret_file: str = ""
    addresses: str = ""
    retention_days: int = 0
    witnesses: str = ""
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    platform_key: str = field(default="", repr=False)
    assertion_jwks: str = ""
    assertion_issuer: str = ""
    leak_keys: str = ""
    dns_resolvers: tuple[tuple[str, int], ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    refusal_floor_ms: int = 150
    bind: str = "127.0.0.1:8080"
    log_level: str = "INFO"
    pool_size: int = 8
    wire_size: int = 24
    worker_batch: int = 20
    worker_poll_ms: int = 500
    limits: Limits = field(default_factory=Limits)

    @property
    def is_development(self) -> bool:
        """Served on this machine's loopback only, by its own word."""
        return self.public_url.startswith("http://")


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: one is missing, unknown or impossible; names it and says what to do.
    """
    given = dict(os.environ if environment is None else environment)
    values = _read_file(given.get(PREFIX + "CONFIG"))
    values |= {
        name.removeprefix(PREFIX).lower(): text
        for name, text in given.items()
        if name.startswith(PREFIX) and name != PREFIX + "CONFIG"
    }
    limits = {name: values.pop("limit_" + name) for name in LIMIT_NAMES if "limit_" + name in values}
    known = {entry.name for entry in fields(Settings)} - {"limits"}
    for name in sorted(set(values) - known):
        raise _fault(name, "is not a setting", "Remove it, or see docs/settings.md for the right name")
    return _build(values, limits)


def parse_bind(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``; an IPv6 host stands in brackets.

    Raises:
        ConfigurationError: it is not that.
    """
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    is_port = port.isascii() and port.isdigit() and int(port) <= _PORT_MAX
    if not colon or not bare or not is_port or (":" in bare) != host.startswith("["):
        raise _fault("bind", "is not host:port", "Give 127.0.0.1:8080 or [::1]:8080")
    return bare, int(port)


def _build(values: Mapping[str, str], limits: Mapping[str, str]) -> Settings:
    number = _Numbers(values)
    return Settings(
        database_url=_need(
            values, "database_url", "Give sqlite:///path/to/file or postgresql://user@host/name"
        ),
        public_url=_read_public_url(values),
        link_hosts=tuple(
            part.strip().lower() for part in values.get("link_hosts", "").split(",") if part.strip()
        ),
        keyring=values.get("keyring", ""),
        keyring_secret=values.get("keyring_secret", ""),
        keyring_secret_file=values.get("keyring_secret_file", ""),
        addresses=_read_addresses(values.get("addresses", "")),
        retention_days=number.read("retention_days", 0, 0, 36_500),
        witnesses=values.get("witnesses", ""),
        smtp_url=values.get("smtp_url", ""),
        mail_from=values.get("mail_from", ""),
        platform_key=_read_platform_key(values.get("platform_key", "")),
        assertion_jwks=values.get("assertion_jwks", ""),
        assertion_issuer=values.get("assertion_issuer", ""),
        leak_keys=values.get("leak_keys", ""),
        dns_resolvers=_read_servers(values.get("dns_resolvers", "")),
        trusted_proxies=_read_networks(values.get("trusted_proxies", "")),
        refusal_floor_ms=number.read("refusal_floor_ms", 150, 0, 10_000),
        bind=_read_bind(values.get("bind", "127.0.0.1:8080")),
        log_level=_read_level(values.get("log_level", "INFO")),
        pool_size=number.read("pool_size", 8, 1, 200),
        wire_size=number.read("wire_size", 24, 1, 500),
        worker_batch=number.read("worker_batch", 20, 1, 1000),
        worker_poll_ms=number.read("worker_poll_ms", 500, 10, 60_000),
        limits=_read_limits(limits),
    )


class _Numbers:
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def read(self, name: str, default: int, least: int, most: int) -> int:
        text = self._values.get(name, str(default)).strip()
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise _fault(name, f"is not a whole number from {least} to {most}", "Correct it")
        return int(text)


def _read_file(path: str | None) -> dict[str, str]:
    if not path:
        return {}
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise _fault(
            "config", f"can't be read ({type(error).__name__})", "Name a readable TOML file"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise _fault("config", f"is not TOML: {error}", "Correct the file") from None
    return {name.lower(): _as_text(name, value) for name, value in document.items()}


def _as_text(name: str, value: object) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _fault(name, "has a value of the wrong kind", "Give text, a whole number or a list of texts")
    return str(value)


def _read_public_url(values: Mapping[str, str]) -> str:
    text = _need(values, "public_url", "Give the https:// URL under which people reach this service").rstrip(
        "/"
    )
    parts = urlsplit(text)
    if not parts.hostname or parts.query or parts.fragment or parts.username or parts.path:
        raise _fault(
            "public_url", "is not a plain origin", "Give scheme and host only, such as https://in.example.com"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise _fault("public_url", "is not https", "Use https; http is for loopback in development only")
    return text


def _read_bind(text: str) -> str:
    parse_bind(text)
    return text


def _read_platform_key(text: str) -> str:
    if text and (len(text) < PLATFORM_KEY_MIN or not text.startswith("vsk_")):
        raise _fault("platform_key", "is too weak", "Give vsk_ and at least 28 random characters more")
    return text


def _read_networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()
        )
    except ValueError:
        raise _fault(
            "trusted_proxies", "holds something that is no network", "Give 10.0.0.0/8, or addresses"
        ) from None


def _read_servers(text: str) -> tuple[tuple[str, int], ...]:
    """Addresses of name servers, each with its port; a name would need a name server to be found."""
    told = _fault("dns_resolvers", "holds something that is no address with a port", "Give 192.0.2.1:53")
    servers: list[tuple[str, int]] = []
    for part in (one.strip() for one in text.split(",") if one.strip()):
        try:
            host, port = parse_bind(part)
            servers.append((str(ipaddress.ip_address(host)), port))
        except (ConfigurationError, ValueError):
            raise told from None
    return tuple(servers)


def _read_addresses(text: str) -> str:
    if text not in ("", "plain", "sealed"):
        raise _fault("addresses", "is not sealed or plain", "Give one of the two, or leave it out")
    return text


def _read_level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise _fault("log_level", "is not a level", "Give DEBUG, INFO, WARNING or ERROR")
    return text.upper()


def _read_limits(given: Mapping[str, str]) -> Limits:
    read: dict[str, Any] = {}
    for name, text in given.items():
        try:
            read[name] = parse_limit(text)
        except ValueError as error:
            raise _fault("limit_" + name, "is not a limit", f"{str(error).capitalize()}") from None
    return replace(Limits(), **read)


def _need(values: Mapping[str, str], name: str, remedy: str) -> str:
    text = values.get(name, "").strip()
    if not text:
        raise _fault(name, "is not set", remedy)
    return text


def _fault(name: str, problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(PREFIX + name.upper(), problem, remedy)
