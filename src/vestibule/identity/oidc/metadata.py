# SPDX-License-Identifier: Apache-2.0
"""What a provider says of itself (OpenID Connect Discovery), and its keys; kept for a while.

An unknown key id makes the keys be read again, but not more often than every 30 seconds, however many
strangers invent key ids. Nothing is kept longer than ten minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from vestibule.core.connection import ENTRA_ISSUER, Connection
from vestibule.errors import ProviderError
from vestibule.identity.oidc.fetching import Fetcher

Key = RSAKey | ECKey | OKPKey
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
# 2048 bits in base64url.
_MODULUS_MIN = 342
_LONG_ENOUGH = "x" * _MODULUS_MIN
_CURVES: Mapping[str, tuple[str, ...]] = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA", "Ed25519"),
}
ALGORITHMS = frozenset([*_RSA, *(name for names in _CURVES.values() for name in names)])
_KEYS_MAX = 100
_KEPT_MAX = 256
_KEYS_OF = "keys "
_WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPolicy:
    """Seconds that what a provider said is kept, and between two looks for an unknown key."""

    max_age: float = 600
    cooldown: float = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the code flow needs to know of a provider."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    sends_issuer: bool
    auth_methods: tuple[str, ...]
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key with the algorithms that it does; the token's word for its own is compared with these."""

    kid: str | None
    algorithms: tuple[str, ...]
    key: Key


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    fetched_at: float


class ProviderBook:
    """Metadata and keys of the providers that were asked lately."""

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        policy: KeepPolicy | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetcher = fetcher
        self._policy = policy or KeepPolicy()
        self._monotonic = monotonic
        self._kept: dict[str, _Kept] = {}

    async def get_metadata(self, connection: Connection, *, fresh: bool = False) -> Metadata:
        """What the provider says of itself.

        Raises:
            ProviderError: it can't be read, or is another provider's.
        """
        kept = None if fresh else self._find(connection.issuer, self._policy.max_age)
        if kept is None:
            document = await self._fetcher.get(discovery_url(connection))
            kept = self._keep(connection.issuer, self._read_metadata(connection, document))
        found: Metadata = kept.value
        return found

    async def list_keys(
        self, metadata: Metadata, kid: str | None, *, fresh: bool = False
    ) -> list[SigningKey]:
        """The provider's signing keys of that id, or all when the token names none.

        Raises:
            ProviderError: they can't be read.
        """
        kept = None if fresh else self._find(_KEYS_OF + metadata.jwks_uri, self._policy.max_age)
        if kept is not None:
            found = _choose(kept.value, kid)
            if found or self._monotonic() - kept.fetched_at < self._policy.cooldown:
                return found
        kept = self._keep(_KEYS_OF + metadata.jwks_uri, read_keys(await self._fetcher.get(metadata.jwks_uri)))
        return _choose(kept.value, kid)

    def forget(self) -> None:
        """Nothing is kept."""
        self._kept.clear()

    def _find(self, name: str, max_age: float) -> _Kept | None:
        kept = self._kept.get(name)
        return kept if kept is not None and self._monotonic() - kept.fetched_at < max_age else None

    def _keep(self, name: str, value: object) -> _Kept:
        while len(self._kept) >= _KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept.pop(name, None)
        kept = self._kept[name] = _Kept(value, self._monotonic())
        return kept

    def _read_metadata(self, connection: Connection, document: Mapping[str, Any]) -> Metadata:
        if document.get("issuer") != connection.issuer:
            raise ProviderError("issuer", "The provider's discovery document is of another issuer.")
        endpoints: dict[str, str] = {}
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
            url = document.get(name)
            if url is None and name == "userinfo_endpoint":
                continue
            if not isinstance(url, str):
                raise ProviderError("discovery", f"The provider's discovery document has no {name}.")
            self._fetcher.check_url(url)
            endpoints[name] = url
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Metadata(
            issuer=connection.issuer,
            authorization_endpoint=endpoints["authorization_endpoint"],
            token_endpoint=endpoints["token_endpoint"],
            jwks_uri=endpoints["jwks_uri"],
            userinfo_endpoint=endpoints.get("userinfo_endpoint"),
            sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            auth_methods=tuple(str(one) for one in methods) if isinstance(methods, list) else (),
            document=document,
        )


def discovery_url(connection: Connection) -> str:
    """Where the provider describes itself; Microsoft's template for work and school accounts stands apart."""
    issuer = connection.issuer
    if issuer == ENTRA_ISSUER:
        issuer = ENTRA_ISSUER.replace("{tenantid}", "organizations")
    return issuer.rstrip("/") + _WELL_KNOWN


def read_keys(document: Mapping[str, Any]) -> Sequence[SigningKey]:
    """The keys of a JWKS that can verify a signature of ours; the others are none of our business.

    Raises:
        ProviderError: it is no key set.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ProviderError("keys", "The provider's key set can't be read.")
    found = []
    for entry in entries[:_KEYS_MAX]:
        if isinstance(entry, dict) and entry.get("use", "sig") == "sig":
            key = _read_key(entry)
            if key is not None:
                found.append(key)
    return found


def _read_key(entry: Mapping[str, Any]) -> SigningKey | None:
    # A symmetric key in a public document is known to everybody.
    if entry.get("kty") not in ("RSA", "EC", "OKP") or len(str(entry.get("n", _LONG_ENOUGH))) < _MODULUS_MIN:
        return None
    try:
        key = JWKRegistry.import_key(dict(entry))
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    # A private key in a public document is no longer its owner's.
    if not isinstance(key, RSAKey | ECKey | OKPKey) or key.is_private:
        return None
    if isinstance(key, RSAKey):
        does: tuple[str, ...] = _RSA
    else:
        does = _CURVES.get(str(entry.get("crv")), ())
    named = entry.get("alg")
    algorithms = tuple(one for one in does if named is None or one == named)
    kid = entry.get("kid")
    return SigningKey(kid if isinstance(kid, str) else None, algorithms, key) if algorithms else None


def _choose(keys: Sequence[SigningKey], kid: str | None) -> list[SigningKey]:
    return [key for key in keys if kid is None or key.kid == kid]
