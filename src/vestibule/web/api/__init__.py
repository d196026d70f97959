# SPDX-License-Identifier: Apache-2.0
"""The HTTP API of DESIGN.md section 5, but for the link's own roads (``web/claim_routes.py``).

Routes decide nothing: they read strictly, call one action, and shape what it answers.
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from vestibule.web.api.anonymity import AnonymityRoutes
from vestibule.web.api.attendance import AttendanceRoutes
from vestibule.web.api.connections import ConnectionRoutes
from vestibule.web.api.decisions import DecisionRoutes
from vestibule.web.api.domains import DomainRoutes
from vestibule.web.api.events import EventRoutes
from vestibule.web.api.invitations import InvitationRoutes
from vestibule.web.api.joining import JoiningRoutes
from vestibule.web.api.leaks import PATH as LEAKS
from vestibule.web.api.leaks import LeakRoutes
from vestibule.web.api.members import MemberRoutes
from vestibule.web.api.openapi import API_VERSION, describe_api
from vestibule.web.api.own import OwnRoutes
from vestibule.web.api.people import PeopleRoutes
from vestibule.web.api.policies import DeploymentPolicyRoutes, PolicyRoutes
from vestibule.web.api.resources import ResourceRoutes
from vestibule.web.api.routing import WholeResponse, handle_errors, make_route_class
from vestibule.web.api.suppressions import SuppressionRoutes
from vestibule.web.api.tenants import TenantRoutes
from vestibule.web.asgi import Answer
from vestibule.web.claims import dump_json
from vestibule.web.separation import keep_served
from vestibule.web.services import Services

_PARTS = (
    TenantRoutes,
    PolicyRoutes,
    DeploymentPolicyRoutes,
    ConnectionRoutes,
    MemberRoutes,
    PeopleRoutes,
    InvitationRoutes,
    AttendanceRoutes,
    DecisionRoutes,
    ResourceRoutes,
    EventRoutes,
    SuppressionRoutes,
    DomainRoutes,
    JoiningRoutes,
)


def make_api(services: Services) -> ASGIApp:
    """The API as one ASGI application."""
    app = FastAPI(
        title="Vestibule",
        version=API_VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    strict = APIRouter(route_class=make_route_class(services))
    anonymous = APIRouter(route_class=make_route_class(services, is_anonymous=True))
    claims = APIRouter()
    for part in _PARTS:
        part(services).add_to(strict)
    OwnRoutes(services).add_to(strict, claims)
    AnonymityRoutes(services).add_to(strict, anonymous)
    # Flat, not included: one list of routes tells which methods a path allows.
    leaks = Route(LEAKS, LeakRoutes(services).report, methods=["POST"])
    routes = [*strict.routes, *anonymous.routes, *claims.routes, leaks]
    # The whole API, whichever part of it is served here.
    reference = Answer(200, dump_json(describe_api(services, routes)))
    app.router.routes.extend(keep_served(services.role, routes))
    handle_errors(app)

    async def show_reference(_request: Request) -> WholeResponse:
        return WholeResponse(reference)

    app.router.routes.append(Route("/openapi.json", show_reference, methods=["GET"]))
    return app
