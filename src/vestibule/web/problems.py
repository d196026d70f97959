# SPDX-License-Identifier: Apache-2.0
"""The one table from error class to public problem (RFC 9457). The refusal is the same for every reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from vestibule import errors
from vestibule.errors import ClaimRejectedError, InvalidRequestError, RateLimitedError, VestibuleError

PROBLEM_TYPE = b"application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """A status and the title that goes with a code."""

    status: int
    title: str


TABLE: dict[type[VestibuleError], Problem] = {
    errors.NotAuthenticatedError: Problem(401, "Authentication is required."),
    errors.StepUpRequiredError: Problem(401, "A fresh, stronger sign-in is required."),
    errors.EmailUnverifiedError: Problem(403, "This session has no verified address."),
    errors.NotPermittedError: Problem(403, "You may not do this."),
    errors.RoleNotAssignableError: Problem(403, "You may not grant this role."),
    errors.ConnectionRequiredError: Problem(403, "Another way of signing in is required."),
    errors.ReviewOverdueError: Problem(403, "A review is overdue."),
    errors.NotFoundError: Problem(404, "Not found."),
    errors.InvalidRequestError: Problem(422, "The request is invalid."),
    errors.EmailInvalidError: Problem(422, "The address is invalid."),
    errors.IdempotencyKeyReusedError: Problem(422, "This Idempotency-Key was used for another request."),
    errors.DomainNotAllowedError: Problem(422, "This domain is not allowed."),
    errors.AlreadyMemberError: Problem(409, "Already a member."),
    errors.DirectoryBarredError: Problem(409, "Deactivated by the directory."),
    errors.SeatLimitError: Problem(409, "No free seat."),
    errors.PendingLimitError: Problem(409, "Too many pending invitations."),
    errors.EventOverError: Problem(409, "The event admits nobody any more."),
    errors.TenantSuspendedError: Problem(423, "The tenant is suspended."),
    errors.NotPendingError: Problem(409, "The invitation is not pending."),
    errors.DigestMismatchError: Problem(409, "The request has changed."),
    errors.DirectoryConflictError: Problem(409, "The directory has that user."),
    errors.TenantDeletedError: Problem(409, "The tenant was deleted."),
    errors.LastOwnerError: Problem(409, "A tenant keeps its last owner."),
    errors.DomainNotProvedError: Problem(409, "The domain is not proved."),
    errors.JoinDecidedError: Problem(409, "The request was decided before."),
    errors.PolicyStaleError: Problem(409, "The policy has changed."),
    errors.PolicyNotApprovedError: Problem(409, "The change is not approved."),
    errors.TooSoonError: Problem(429, "Too soon."),
    errors.RateLimitedError: Problem(429, "Too many requests."),
    errors.ClaimRejectedError: Problem(404, "This invitation is invalid or no longer valid."),
    errors.CredentialsRejectedError: Problem(403, "That did not match."),
    errors.ProviderError: Problem(502, "The identity provider can't be used."),
    errors.KeyMissingError: Problem(409, "There is no key for this."),
    errors.KeyStateError: Problem(409, "The key is not in that state."),
    errors.KeyProviderError: Problem(503, "The key provider can't answer."),
    errors.UnavailableError: Problem(503, "Temporarily unavailable."),
}


def find_problem(error: VestibuleError) -> Problem:
    """The row of *error*'s class, or of its nearest ancestor in the table."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    return Problem(500, "The server failed.")


def render_problem(error: VestibuleError, request_id: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Status, body and extra headers of *error*'s public document."""
    problem = find_problem(error)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "code": error.code,
        "request_id": request_id,
    }
    if isinstance(error, ClaimRejectedError):
        return problem.status, json.dumps(body).encode(), []
    body["detail"] = str(error)
    if isinstance(error, InvalidRequestError) and error.faults:
        body["errors"] = [{"pointer": fault.pointer, "detail": fault.message} for fault in error.faults]
    headers = []
    if isinstance(error, RateLimitedError):
        headers = limit_headers(error)
    if isinstance(error, errors.NotAuthenticatedError):
        headers = [(b"www-authenticate", _challenge(error))]
    return problem.status, json.dumps(body).encode(), headers


def _challenge(error: errors.NotAuthenticatedError) -> bytes:
    """``WWW-Authenticate``; a demand for a fresh session in the manner of RFC 9470."""
    if not isinstance(error, errors.StepUpRequiredError):
        return b'Bearer realm="vestibule"'
    parts = ['Bearer realm="vestibule", error="insufficient_user_authentication"']
    if error.max_age is not None:
        parts.append(f'max_age="{error.max_age}"')
    if error.amr_any:
        parts.append(f'amr_values="{" ".join(sorted(error.amr_any))}"')
    return ", ".join(parts).encode()


def limit_headers(error: RateLimitedError) -> list[tuple[bytes, bytes]]:
    """``Retry-After`` (RFC 9110) and the ``RateLimit`` fields."""
    wait = str(error.retry_after)
    return [
        (b"retry-after", wait.encode()),
        (b"ratelimit-limit", str(error.limit).encode()),
        (b"ratelimit-remaining", b"0"),
        (b"ratelimit-reset", wait.encode()),
    ]


def render_plain(status: int, code: str, title: str, request_id: str) -> bytes:
    """A problem that is about HTTP itself: no such route, wrong method, too large, the server's own fault."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "request_id": request_id}
    return json.dumps(body).encode()
