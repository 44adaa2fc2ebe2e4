"""Data path: headers -> [a place in the queue, or a refusal] -> uploads. Before anything of a body is read."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from sightserve.backend.build import Backend
from sightserve.backend.errors import BackendError, ParameterError
from sightserve.backend.http.problems import problem_of, refusal_headers, response
from sightserve.backend.scheduler import Ticket

# Our own: no standard header fits. `Prefer: wait` (RFC 7240) counts whole seconds and means another thing (answer 202 and go
# on), gRPC's and Envoy's belong to their protocols. Milliseconds, because a deadline here is a fraction of a few seconds.
DEADLINE_HEADER = b"x-request-deadline-ms"
_UPLOADS = frozenset({"/predict", "/predict/", "/predict/batch", "/classify", "/classify/"})
_MOST_DIGITS = 9


class AdmissionMiddleware:
    """Gives every upload a place on the strength of its headers, and takes the place back however the request ends."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        self._app = app
        self._scheduler = backend.scheduler
        self._patience_ms = backend.settings.deadline_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in _UPLOADS:
            await self._app(scope, receive, send)
            return
        try:
            size, patience = announced(scope["headers"], self._patience_ms)
            ticket = self._scheduler.reserve(size, patience)
        except BackendError as exc:
            scope["route_template"] = scope["path"]
            await response(problem_of(exc, scope["request_id"]), refusal_headers(exc))(scope, receive, send)
            return
        scope["ticket"] = ticket
        try:
            await self._app(scope, receive, send)
        finally:
            self._scheduler.cancel(ticket)


def announced(headers: Sequence[tuple[bytes, bytes]], patience_ms: int) -> tuple[int, float]:
    """Return how many bytes a body will have, as far as its headers say, and for how many seconds its sender will wait.

    Args:
        headers: of the request.
        patience_ms: how long anybody waits, in milliseconds: a client may ask for less time, not for more.

    Raises:
        ParameterError: the deadline that it asks for is no number above 0.
    """
    size = 0
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            size = int(value[:_MOST_DIGITS])
        elif name == DEADLINE_HEADER:
            if not (value.isdigit() and 0 < len(value) <= _MOST_DIGITS and int(value) > 0):
                raise ParameterError("X-Request-Deadline-Ms must be a whole number of milliseconds above 0")
            patience_ms = min(patience_ms, int(value))
    return size, patience_ms / 1000


def ticket_of(scope: Scope) -> Ticket:
    """Return the place that a request was given."""
    ticket: Ticket = scope["ticket"]
    return ticket
