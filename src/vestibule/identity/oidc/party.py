# SPDX-License-Identifier: Apache-2.0
"""The relying party: where the browser goes, and what the answer that it brings back is worth.

Code flow with PKCE ``S256``, ``state`` and ``nonce``. Against mix-up: one redirect URI per connection, and
the ``iss`` of the answer (RFC 9207), which must be there when the provider says that it sends it.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit, urlunsplit

from vestibule.core.connection import Connection, SignInProof, matches_issuer
from vestibule.errors import ConfigurationError, CredentialsRejectedError, KeyProviderError, ProviderError
from vestibule.identity.oidc.fetching import Fetcher
from vestibule.identity.oidc.id_token import Expected, read_id_token
from vestibule.identity.oidc.metadata import ALGORITHMS, Metadata, ProviderBook
from vestibule.identity.oidc.sealing import SecretSealer

CODE_MAX = 4096
_FROM_USERINFO = ("email", "email_verified", "name")


class OpenIdParty:
    """Implements ``ports.RelyingParty``."""

    def __init__(
        self,
        sealer: SecretSealer,
        *,
        public_url: str,
        clock: Callable[[], datetime],
        fetcher: Fetcher | None = None,
        book: ProviderBook | None = None,
    ) -> None:
        self._sealer = sealer
        self._public_url = public_url
        self._clock = clock
        self._fetcher = fetcher or Fetcher(allows_loopback=sealer.allows_loopback)
        self._book = book or ProviderBook(self._fetcher)

    async def make_url(self, connection: Connection, proof: SignInProof, *, max_age: int | None) -> str:
        metadata = await self._book.get_metadata(connection)
        is_apple = connection.provider == "apple"
        asked = {
            "response_type": "code",
            "client_id": connection.client_id,
            "redirect_uri": self._redirect_uri(connection),
            "scope": "openid email name" if is_apple else "openid email profile",
            "state": proof.state,
            "nonce": proof.nonce,
            "code_challenge": proof.challenge,
            "code_challenge_method": "S256",
        }
        if is_apple:
            # Apple gives an address in no other way.
            asked["response_mode"] = "form_post"
        if max_age is not None:
            asked |= {"max_age": str(max_age), "prompt": "login"}
        parts = urlsplit(metadata.authorization_endpoint)
        query = "&".join(part for part in (parts.query, urlencode(asked)) if part)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))

    async def redeem(
        self, connection: Connection, proof: SignInProof, answer: Mapping[str, str], *, max_age: int | None
    ) -> Mapping[str, Any]:
        metadata = await self._book.get_metadata(connection)
        _check_issuer(connection, metadata, answer)
        if "error" in answer:
            raise CredentialsRejectedError("The identity provider did not sign you in.")
        code = answer.get("code", "")
        if not 0 < len(code) <= CODE_MAX:
            raise ProviderError("code", "The provider sent no code.")
        tokens = await self._exchange(connection, metadata, code, proof)
        access_token = tokens.get("access_token")
        expected = Expected(
            connection=connection,
            nonce=proof.nonce,
            max_age=max_age,
            access_token=access_token if isinstance(access_token, str) else None,
            now=self._clock(),
        )
        claims = await read_id_token(self._book, metadata, tokens.get("id_token"), expected)
        return await self._complete(connection, metadata, claims, expected.access_token)

    async def examine(self, connection: Connection) -> Sequence[str]:
        try:
            metadata = await self._book.get_metadata(connection, fresh=True)
        except ProviderError as error:
            return [str(error)]
        found = [*_gaps(metadata.document)]
        try:
            if not await self._book.list_keys(metadata, None, fresh=True):
                found.append("The provider's key set has no key that can sign ID tokens for us.")
        except ProviderError as error:
            found.append(str(error))
        try:
            await asyncio.to_thread(self._make_credentials, connection, metadata)
        except ProviderError as error:
            found.append(str(error))
        return found

    def forget(self) -> None:
        """What providers said is asked for again."""
        self._book.forget()

    def _redirect_uri(self, connection: Connection) -> str:
        return f"{self._public_url}/sign-in/callback/{connection.connection_id}"

    async def _exchange(
        self, connection: Connection, metadata: Metadata, code: str, proof: SignInProof
    ) -> dict[str, Any]:
        # Beside the event loop: opening the secret may wait for the key provider.
        headers, fields = await asyncio.to_thread(self._make_credentials, connection, metadata)
        return await self._fetcher.post(
            metadata.token_endpoint,
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri(connection),
                "code_verifier": proof.verifier,
                **fields,
            },
            headers,
        )

    def _make_credentials(
        self, connection: Connection, metadata: Metadata
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Header and form fields by which this client is known to the token endpoint (RFC 6749 2.3.1)."""
        named = {"client_id": connection.client_id}
        try:
            secret = self._sealer.open(connection)
        except ConfigurationError:
            raise ProviderError(
                "secret", "The client secret can't be opened with this deployment's keys; put it again."
            ) from None
        except KeyProviderError:
            raise ProviderError(
                "secret", "The client secret can't be opened now; the key provider does not answer."
            ) from None
        if secret is None:
            return {}, named
        if "client_secret_basic" in metadata.auth_methods:
            pair = f"{quote_plus(connection.client_id)}:{quote_plus(secret)}"
            return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}, {}
        if "client_secret_post" in metadata.auth_methods:
            return {}, {**named, "client_secret": secret}
        raise ProviderError(
            "client", "The provider takes no client secret, neither as basic nor in the form."
        )

    async def _complete(
        self, connection: Connection, metadata: Metadata, claims: dict[str, Any], access_token: str | None
    ) -> dict[str, Any]:
        """Of an ordinary provider that keeps the address out of its ID tokens, what userinfo says."""
        is_asked = connection.provider == "generic" and "email" not in claims
        if not is_asked or metadata.userinfo_endpoint is None or access_token is None:
            return claims
        said = await self._fetcher.get(metadata.userinfo_endpoint, bearer=access_token)
        if said.get("sub") != claims.get("sub"):
            raise ProviderError("userinfo", "The provider's userinfo is about somebody else.")
        return {**{name: said[name] for name in _FROM_USERINFO if name in said}, **claims}


def _check_issuer(connection: Connection, metadata: Metadata, answer: Mapping[str, str]) -> None:
    issuer = answer.get("iss")
    if issuer is None:
        if metadata.sends_issuer:
            raise ProviderError("answer.iss", "The answer does not say whose it is.")
        return
    tid = issuer.removeprefix("https://login.microsoftonline.com/").partition("/")[0]
    if not matches_issuer(connection, {"iss": issuer, "tid": tid}):
        raise ProviderError("answer.iss", "The answer is another provider's.")


def _gaps(document: Mapping[str, Any]) -> list[str]:
    """What the provider says that it does not do, although we need it."""
    needs = (
        ("response_types_supported", {"code"}, "the code flow"),
        ("code_challenge_methods_supported", {"S256"}, "PKCE with S256"),
        ("id_token_signing_alg_values_supported", ALGORITHMS, "an ID token signature that can be verified"),
    )
    found = []
    for name, wanted, told in needs:
        offered = document.get(name)
        if isinstance(offered, list) and not wanted & {one for one in offered if isinstance(one, str)}:
            found.append(f"The provider does not offer {told} ({name}).")
    return found
