# SPDX-License-Identifier: Apache-2.0
"""What every page shares: the session, the templates with their policy, forms, redirects, the deadline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from vestibule.actions.connections.review_connections import find_way_to
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.errors import (
    ConnectionRequiredError,
    FieldFault,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    RateLimitedError,
    StepUpRequiredError,
    UnavailableError,
    VestibuleError,
)
from vestibule.web.asgi import REQUEST_ID, get_context
from vestibule.web.identify import check_same_origin, find_session_identity
from vestibule.web.problems import find_problem, limit_headers
from vestibule.web.services import Services

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_TEMPLATES = Path(__file__).parent.parent / "templates"
_FORM = "application/x-www-form-urlencoded"
_FIELDS_MAX = 60
_NEXT_MAX = 500


class Pages:
    """Renders pages for one deployment."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    async def render(
        self, request: Request, template: str, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """The page, with who is signed in."""
        identity = await self.find_identity(request)
        context = {"session": describe_session(identity), **values}
        body = self._environment.get_template(template).render(context)
        response = HTMLResponse(body, status_code=status)
        response.headers["content-security-policy"] = CSP
        return response

    async def render_error(self, request: Request, error: VestibuleError) -> Response:
        """A person's view of *error*: what happened and what to do next."""
        if isinstance(error, StepUpRequiredError):
            # The way of RFC 9470 for people: sign in again, then back to the page with the button.
            return redirect(again_path(_page_of(request), error.max_age))
        if isinstance(error, ConnectionRequiredError):
            return await self._offer_connection(request, error)
        if isinstance(error, NotAuthenticatedError):
            target = request.url.path if request.method == "GET" else "/"
            return redirect(f"/sign-in?next={target}")
        if isinstance(error, UnavailableError):
            # Who is signed in can't be looked up now, either.
            request.scope["vestibule.identity"] = None
        problem = find_problem(error)
        response = await self.render(
            request,
            "error.html",
            status=problem.status,
            title=problem.title.rstrip("."),
            text=str(error),
            request_id=request.scope[REQUEST_ID],
        )
        if isinstance(error, RateLimitedError):
            for name, value in limit_headers(error):
                response.headers[name.decode()] = value.decode()
        return response

    async def _offer_connection(self, request: Request, error: ConnectionRequiredError) -> Response:
        # Who is signed in counts for nothing here.
        request.scope["vestibule.identity"] = None
        return await self.render(
            request,
            "connection_required.html",
            status=find_problem(error).status,
            way=await self.services.runner.read(find_way_to, error.connection_id),
            next=_page_of(request),
        )

    async def render_crash(self, request: Request) -> Response:
        """Our own fault; the log has it under the reference that the page gives."""
        request.scope["vestibule.identity"] = None
        return await self.render(
            request,
            "error.html",
            status=500,
            title="That went wrong on our side",
            text="Nothing was changed that you were not told of. Try again in a moment.",
            request_id=request.scope[REQUEST_ID],
        )

    async def render_missing(self, request: Request) -> Response:
        return await self.render(
            request,
            "error.html",
            status=404,
            title="There is nothing here",
            text="The address may be incomplete, or the page has moved.",
            request_id=request.scope[REQUEST_ID],
        )

    async def render_wrong_method(self, request: Request) -> Response:
        return await self.render(
            request,
            "error.html",
            status=405,
            title="That does not work this way",
            text="Go back to the page before and use its buttons.",
            request_id=request.scope[REQUEST_ID],
        )

    async def find_identity(self, request: Request) -> VerifiedIdentity | None:
        """Who is signed in, looked up once per request."""
        known = request.scope.get("vestibule.identity", request)
        if known is request:
            known = await find_session_identity(self.services, request.scope)
            request.scope["vestibule.identity"] = known
        identity: VerifiedIdentity | None = known
        return identity

    async def get_identity(self, request: Request) -> VerifiedIdentity:
        """Who is signed in.

        Raises:
            NotAuthenticatedError: nobody.
        """
        identity = await self.find_identity(request)
        if identity is None:
            raise NotAuthenticatedError
        return identity

    async def read_form(self, request: Request) -> Mapping[str, str]:
        """The fields of a form of our own pages, each once, without NUL.

        Raises:
            NotPermittedError: it came from another site.
            InvalidRequestError: it is no such form.
        """
        check_same_origin(self.services, request.scope)
        if not request.headers.get("content-type", _FORM).startswith(_FORM):
            raise InvalidRequestError(FieldFault("", "Send the form as the page does."))
        form = await request.form(max_fields=_FIELDS_MAX)
        fields: dict[str, str] = {}
        for name, value in form.multi_items():
            if name in fields or not isinstance(value, str) or "\0" in name + value:
                raise InvalidRequestError(FieldFault(f"/{name[:32]}", "Give each field once, in plain text."))
            fields[name] = value
        return fields

    def context(self, request: Request) -> RequestContext:
        return get_context(request.scope)

    def set_cookie(self, response: Response, name: str, value: str, *, seconds: int) -> None:
        """A cookie that scripts can't read and other sites can't make the browser send with a form."""
        response.set_cookie(
            self.cookie_name(name),
            value,
            max_age=seconds,
            path="/",
            secure=self.services.is_https,
            httponly=True,
            samesite="lax",
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(
            self.cookie_name(name), path="/", secure=self.services.is_https, httponly=True, samesite="lax"
        )

    def cookie_name(self, name: str) -> str:
        return f"__Host-vestibule-{name}" if self.services.is_https else f"vestibule-{name}"


def describe_session(identity: VerifiedIdentity | None) -> dict[str, Any] | None:
    """Who is signed in, for templates."""
    if identity is None:
        return None
    email = identity.addresses[0].address.key if identity.addresses else None
    return {"principal_id": identity.principal_id, "name": identity.name, "email": email}


def get_part(request: Request, name: str) -> str:
    """A part of the path that may be an id.

    Raises:
        NotFoundError: no id has a NUL, and a database would refuse to look for it.
    """
    part: str = request.path_params[name]
    if "\0" in part:
        raise NotFoundError
    return part


def redirect(path: str) -> RedirectResponse:
    """See other: the next page is fetched with GET."""
    return RedirectResponse(path, status_code=303)


def again_path(path: str, max_age: int | None) -> str:
    """Where to sign in again, to be at most *max_age* seconds old after it, and come back to *path*."""
    return "/sign-in/again?" + urlencode({"next": path, "max_age": max_age or 0})


def _page_of(request: Request) -> str:
    """The page to come back to: this one, or the one whose form was sent here."""
    path, tenant_id = request.scope["path"], request.path_params.get("tenant_id")
    if request.method == "GET":
        return read_next(path)
    if tenant_id is not None:
        return read_next(f"/tenants/{tenant_id}/settings")
    return "/invitation" if path.startswith("/invitation/") else "/"


def read_next(text: str | None) -> str:
    """Where to go after signing in: a path of ours, never anything that leads away (ATTACKS W03)."""
    plain = "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
    if not text or len(text) > _NEXT_MAX or not text.startswith("/") or text.startswith("//") or ".." in text:
        return "/"
    return text if all(character in plain for character in text) and "//" not in text else "/"
