# SPDX-License-Identifier: Apache-2.0
"""How every API route is entered and left: first who is asking, then a strict reading, then one table."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from vestibule.core.identity import Actor, RequestContext
from vestibule.errors import FieldFault, InvalidRequestError, VestibuleError
from vestibule.web.api.documents import check_no_document, check_query, make_pointer, read_document
from vestibule.web.asgi import REQUEST_ID, Answer, get_context, keep_nothing
from vestibule.web.identify import get_actor
from vestibule.web.problems import PROBLEM_TYPE, render_plain, render_problem
from vestibule.web.services import Services

ACTOR = "vestibule.actor"
BODY = "vestibule.body"
_QUIET = frozenset({"GET", "HEAD"})
_DETAILS = {
    "extra_forbidden": "Unknown member; leave it out.",
    "missing": "Required.",
    "model_attributes_type": "Give a JSON object.",
}


class _WholeConvertor(Convertor[str]):
    """Everything, slashes and line breaks included: ``path`` would drop a last line break unseen."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("whole", _WholeConvertor())


class WholeResponse(Response):
    """An ``Answer`` as the framework wants one."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(status_code=answer.status)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await self._answer.send(scope, send)


def answer_json(
    document: BaseModel, *, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> WholeResponse:
    """*document* as it stands."""
    return WholeResponse(Answer(status, document.model_dump_json().encode(), headers=headers))


def answer_nothing() -> WholeResponse:
    """204."""
    return WholeResponse(Answer(204))


class _ReadRequest(Request):
    """A request whose document has been read already."""

    def __init__(self, request: Request, body: bytes, document: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._whole = body
        self._document = document

    async def body(self) -> bytes:
        return self._whole

    async def json(self) -> Any:
        return self._document


def make_route_class(services: Services, *, is_anonymous: bool = False) -> type[APIRoute]:
    """Routes that identify the caller before they read a word of the request; *is_anonymous*: that never do,
    and keep nothing of whoever it is.
    """

    class StrictRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()
            known = {str(field.alias) for field in self.dependant.query_params}
            takes_body = self.body_field is not None

            async def enter(request: Request) -> Response:
                scope = request.scope
                if is_anonymous:
                    keep_nothing(scope)
                else:
                    scope[ACTOR] = await get_actor(services, scope)
                check_query(scope["query_string"], known)
                if takes_body:
                    body, document = await read_document(request)
                    scope[BODY] = body
                    request = _ReadRequest(request, body, document)
                elif scope["method"] not in _QUIET:
                    await check_no_document(request)
                return await answer(request)

            return enter

    return StrictRoute


async def _get_caller(request: Request) -> Any:
    return request.scope[ACTOR]


async def _get_surroundings(request: Request) -> Any:
    return get_context(request.scope)


Caller = Annotated[Actor, Depends(_get_caller)]
Surroundings = Annotated[RequestContext, Depends(_get_surroundings)]


def handle_errors(app: FastAPI) -> None:
    """Every error of *app* becomes a problem; what nobody expected goes on to the guard."""

    async def on_error(request: Request, error: Exception) -> Response:
        if isinstance(error, RequestValidationError):
            error = InvalidRequestError(*_read_faults(error))
        if not isinstance(error, VestibuleError):
            raise error
        status, body, headers = render_problem(error, request.scope[REQUEST_ID])
        return WholeResponse(Answer(status, body, PROBLEM_TYPE, tuple(headers)))

    async def on_http(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return WholeResponse(_render_http(app, request.scope, status))

    app.add_exception_handler(VestibuleError, on_error)
    app.add_exception_handler(RequestValidationError, on_error)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_error)


def _render_http(app: FastAPI, scope: Scope, status: int) -> Answer:
    code, title = {
        404: ("not_found", "Not found."),
        405: ("method_not_allowed", "This method is not allowed here."),
        415: ("unsupported_media_type", "Send application/json in UTF-8."),
    }.get(status, ("bad_request", "The request can't be read."))
    headers = ((b"allow", ", ".join(_list_methods(app, scope)).encode()),) if status == 405 else ()
    return Answer(status, render_plain(status, code, title, scope[REQUEST_ID]), PROBLEM_TYPE, headers)


def _list_methods(app: FastAPI, scope: Scope) -> list[str]:
    """What this path allows, over all its routes."""
    allowed: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            allowed |= route.methods or set()
    return sorted(allowed)


def _read_faults(error: RequestValidationError) -> list[FieldFault]:
    faults: list[FieldFault] = []
    for found in error.errors():
        place = "".join(f"/{make_pointer(part)}" for part in found["loc"][1:])
        told = found.get("ctx", {}).get("error")
        detail = (
            str(told) if isinstance(told, ValueError) else _DETAILS.get(found["type"], found["msg"] + ".")
        )
        faults.append(FieldFault(place, detail))
    return faults[:50]
