# SPDX-License-Identifier: Apache-2.0
"""From a request to who is asking. Nothing else makes an identity of HTTP (DESIGN.md section 5, Callers).

A bearer credential wins over a cookie. A cookie counts only for requests of our own pages: unsafe methods
need Fetch-Metadata ``same-origin`` or, where a browser sends none, our own ``Origin`` (ATTACKS W01).
"""

from __future__ import annotations

import contextlib
import hmac
import re

from starlette.requests import cookie_parser
from starlette.types import Scope

from vestibule.actions.accounts.session import find_session
from vestibule.actions.api_keys import find_key
from vestibule.core.identity import Actor, HostKey, VerifiedIdentity
from vestibule.core.process import ProcessRole
from vestibule.core.tenant import TENANT_ID_PATTERN
from vestibule.core.token import digest
from vestibule.errors import NotAuthenticatedError, NotPermittedError
from vestibule.web.asgi import find_header
from vestibule.web.services import Services

_BEARER = "bearer "
_KEY_PREFIX = "vsk_"
_SAFE = frozenset({"GET", "HEAD"})
_CREDENTIAL_MAX = 8192
_TENANT_ID = re.compile(TENANT_ID_PATTERN)
PLATFORM_KEY_ID = "platform"


async def get_actor(services: Services, scope: Scope) -> Actor:
    """Who is asking.

    Raises:
        NotAuthenticatedError: nobody, or credentials that prove nothing.
        NotPermittedError: a cookie on a request that did not come from our own pages.
    """
    authorization = find_header(scope, b"authorization")
    if authorization is not None:
        return await _from_bearer(services, scope, authorization)
    identity = await find_session_identity(services, scope)
    if identity is None:
        raise NotAuthenticatedError
    check_same_origin(services, scope)
    return identity


async def get_principal(services: Services, scope: Scope) -> VerifiedIdentity:
    """The principal that is asking.

    Raises:
        NotAuthenticatedError: nobody.
        NotPermittedError: a key, which is nobody's identity.
    """
    actor = await get_actor(services, scope)
    if isinstance(actor, HostKey):
        raise NotPermittedError("This needs a principal: send its assertion, not an API key.")
    return actor


async def find_actor(services: Services, scope: Scope) -> Actor | None:
    """Who is asking, where asking without a name is allowed; a credential that proves nothing is an error."""
    if find_header(scope, b"authorization") is None and find_session_secret(services, scope) is None:
        return None
    try:
        return await get_actor(services, scope)
    except NotAuthenticatedError:
        if find_header(scope, b"authorization") is not None:
            raise
        return None


async def find_session_identity(services: Services, scope: Scope) -> VerifiedIdentity | None:
    """Who is signed in on the hosted pages.

    Raises:
        ConnectionRequiredError: the route is a tenant's, which demands another way of signing in.
    """
    secret = find_session_secret(services, scope)
    if secret is None:
        return None
    # Whatever route names a tenant asks what that tenant demands of sessions: none can forget to.
    named = scope.get("path_params", {}).get("tenant_id")
    tenant_id = named if isinstance(named, str) and _TENANT_ID.fullmatch(named) else None
    return await services.runner.read(find_session, secret, tenant_id)


def find_session_secret(services: Services, scope: Scope) -> str | None:
    """The session cookie's secret, if it has the shape of one."""
    header = find_header(scope, b"cookie")
    if header is None:
        return None
    secret = cookie_parser(header).get(services.session_cookie)
    return secret if secret and secret.startswith("vss_") and len(secret) < 128 else None


def check_same_origin(services: Services, scope: Scope) -> None:
    """An unsafe request with a cookie came from our own pages.

    Raises:
        NotPermittedError: it came from elsewhere, or does not say where from.
    """
    if scope["method"] in _SAFE:
        return
    site = find_header(scope, b"sec-fetch-site")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        is_ours = find_header(scope, b"origin") in {services.public_url, *services.origins}
    if not is_ours:
        raise NotPermittedError("This request did not come from this site's own pages.")


def _takes_orders(scope: Scope) -> bool:
    # An order opens the one road it is for, whatever else it might be good for.
    path: str = scope["path"]
    return scope["method"] == "POST" and path.startswith("/v1/principals/") and path.endswith("/offboard")


async def _from_bearer(services: Services, scope: Scope, authorization: str) -> Actor:
    if authorization[: len(_BEARER)].lower() != _BEARER or len(authorization) > _CREDENTIAL_MAX:
        raise NotAuthenticatedError
    credential = authorization[len(_BEARER) :].strip()
    if not credential.startswith(_KEY_PREFIX):
        if services.verifier is None:
            raise NotAuthenticatedError
        if _takes_orders(scope):
            with contextlib.suppress(NotAuthenticatedError):
                return HostKey(
                    key_id="order", scopes=frozenset(), act=services.verifier.verify_act(credential)
                )
        return services.verifier.verify(credential)
    if services.role is ProcessRole.CLAIM:
        # Where invitees are served no key of a host is known: none could claim anything.
        raise NotAuthenticatedError
    if services.platform_key_hash is not None and hmac.compare_digest(
        digest(credential), services.platform_key_hash
    ):
        return HostKey(key_id=PLATFORM_KEY_ID)
    key = await services.runner.read(find_key, credential)
    if key is None:
        raise NotAuthenticatedError
    return key
