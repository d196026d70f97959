# SPDX-License-Identifier: Apache-2.0
"""The two pages of an anonymous event: make a code, and redeem it (TOK-07).

The first is the one page that needs JavaScript: the service must not see the code, so the browser makes it.
Scripts come from one directory of ours, each with its hash in the page. The second works without, reads no
session, keeps nothing of the request, and refuses a form that a signed-in browser sends.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.anonymity.review_events import EventView, describe_event, list_held
from vestibule.core.anonymity import message_of
from vestibule.core.blinding import PREFIX_BYTES
from vestibule.core.display import format_moment
from vestibule.errors import ClaimRejectedError, NotFoundError, VestibuleError
from vestibule.web.anonymity import Redeeming, decode, encode
from vestibule.web.asgi import keep_nothing
from vestibule.web.identify import find_session_secret
from vestibule.web.pages.rendering import CSP, Pages, get_part
from vestibule.web.problems import find_problem
from vestibule.web.services import Services

SCRIPTS = Path(__file__).parent.parent / "static" / "anonymous"
_ROAD = "/static/anonymous/"
_MAKING = ("sjcl/index.js", "util.js", "blindrsa.js", "lean-qr.mjs", "coding.js", "code.js")
_REDEEMING = ("coding.js", "redeem.js")
_CODE = "vsa_"
_NO_CODE = "This code is no code of this event, or it was redeemed before."
_SIGNED_IN = "You are signed in in this browser, so the code was not redeemed. Use a private window instead."


def anonymity_routes(pages: Pages) -> list[Route]:
    here = AnonymityPages(pages)
    redeem = "/anonymous/{anonymous_id}/redeem"
    return [
        Route("/tenants/{tenant_id}/anonymous/{anonymous_id}", here.show, methods=["GET"]),
        Route(redeem, here.show_redeem, methods=["GET"]),
        Route(redeem, here.redeem, methods=["POST"]),
    ]


class AnonymityPages:
    """Handlers of both."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner
        self._redeeming = Redeeming(pages.services)
        self._csp = f"{CSP}; script-src {_list_sources(pages.services)}; connect-src 'self'"

    async def show(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        tenant_id, event_id = get_part(request, "tenant_id"), get_part(request, "anonymous_id")
        held = {one.event_id: taken for one, taken in await self._runner.read(list_held, identity)}
        view = await self._runner.read(describe_event, event_id)
        if event_id not in held or view.event.tenant_id != tenant_id:
            raise NotFoundError
        public_url = self._pages.services.public_url
        return await self._render(
            request,
            "anonymous_code.html",
            view,
            _MAKING,
            has_code=held[event_id],
            sign_url=f"/v1/tenants/{quote(tenant_id, safe='')}/anonymous-events/{event_id}/sign",
            redeem_url=f"{public_url}/anonymous/{event_id}/redeem",
        )

    async def show_redeem(self, request: Request) -> Response:
        self._forget(request)
        view = await self._runner.read(describe_event, get_part(request, "anonymous_id"))
        return await self._show_outcome(request, view, None)

    async def redeem(self, request: Request) -> Response:
        self._forget(request)
        event_id = get_part(request, "anonymous_id")
        form = await self._pages.read_form(request)
        view = await self._runner.read(describe_event, event_id)
        code = _read_code(event_id, form.get("code", ""))
        if code is None:
            return await self._show_outcome(request, view, _NO_CODE, 404)
        if _has_session(self._pages.services, request):
            return await self._show_outcome(request, view, _SIGNED_IN, 403)
        try:
            await self._redeeming.redeem(request.scope, event_id, *code)
        except ClaimRejectedError:
            return await self._show_outcome(request, view, _NO_CODE, 404)
        except VestibuleError as error:
            return await self._show_outcome(request, view, str(error), find_problem(error).status)
        return await self._show_outcome(request, view, "redeemed")

    async def _show_outcome(
        self, request: Request, view: EventView, outcome: str | None, status: int = 200
    ) -> Response:
        return await self._render(
            request,
            "anonymous_redeem.html",
            view,
            _REDEEMING,
            status=status,
            outcome=outcome,
            has_cookie=_has_session(self._pages.services, request),
            redeem_path=request.url.path,
        )

    async def _render(
        self,
        request: Request,
        template: str,
        view: EventView,
        scripts: tuple[str, ...],
        *,
        status: int = 200,
        **values: object,
    ) -> Response:
        response = await self._pages.render(
            request,
            template,
            status=status,
            event=_describe(view),
            is_compromised=view.is_compromised,
            closes_text=format_moment(view.event.closes_at),
            opens_text=None if view.event.opens_at is None else format_moment(view.event.opens_at),
            scripts=_tag(scripts),
            **values,
        )
        response.headers["content-security-policy"] = self._csp
        return response

    @staticmethod
    def _forget(request: Request) -> None:
        keep_nothing(request.scope)
        # Nobody is signed in here, whatever the browser sends.
        request.scope["vestibule.identity"] = None


def _describe(view: EventView) -> dict[str, object]:
    return {
        "event_id": view.event.event_id,
        "name": view.event.name,
        "tenant_name": view.tenant_name,
        "state": view.state,
        "issued_count": view.event.issued_count,
        "min_set_size": view.event.min_set_size,
        "public_key": encode(view.public_key),
        "thumbprint": view.thumbprint,
    }


def _has_session(services: Services, request: Request) -> bool:
    return find_session_secret(services, request.scope) is not None


def _read_code(event_id: str, text: str) -> tuple[bytes, bytes] | None:
    plain = "".join(text.split())
    whole = decode(plain.removeprefix(_CODE)) if plain.startswith(_CODE) and plain.isascii() else b""
    if len(whole) <= PREFIX_BYTES:
        return None
    return message_of(event_id, whole[:PREFIX_BYTES]), whole[PREFIX_BYTES:]


def _list_sources(services: Services) -> str:
    return " ".join(f"{origin}{_ROAD}" for origin in sorted({services.public_url, *services.origins}))


def _tag(names: tuple[str, ...]) -> Markup:
    """The last is run; the rest is what it imports, fetched with its hash before it is asked for."""
    *parts, entry = names
    lines = [
        Markup('<link rel="modulepreload" href="{}" integrity="{}">').format(_ROAD + name, hash_script(name))
        for name in parts
    ]
    run = Markup('<script type="module" src="{}" integrity="{}"></script>')
    return Markup("\n  ").join([*lines, run.format(_ROAD + entry, hash_script(entry))])


def hash_script(name: str) -> str:
    """Subresource Integrity's name for one of our scripts."""
    found = hashlib.sha384((SCRIPTS / name).read_bytes()).digest()
    return "sha384-" + base64.b64encode(found).decode()
