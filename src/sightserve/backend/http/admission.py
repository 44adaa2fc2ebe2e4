"""Data path: head -> [a place in the queue, or a refusal] -> uploads. Before anything of a body is read."""

import inspect
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from sightserve.backend.build import Backend
from sightserve.backend.errors import BackendError, ParameterError
from sightserve.backend.http.problems import answer, own_path
from sightserve.backend.job import TOP_K
from sightserve.backend.scheduler import Ticket

# Our own: no standard header fits. `Prefer: wait` (RFC 7240) counts whole seconds and means another thing (answer 202 and go
# on), gRPC's and Envoy's belong to their protocols. Milliseconds, because a deadline here is a fraction of a few seconds.
DEADLINE_HEADER = b"x-request-deadline-ms"
_MAX_DIGITS = 9
_WITH_BODY = frozenset({"POST", "PUT"})

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Parameters(BaseModel):
    """What may be asked of a prediction, in the query."""

    top_k: int = Field(
        default=TOP_K, ge=1, description="how many classes, most probable first; at most as many as there are"
    )
    probabilities: bool = Field(default=False, description="whether to send every class's probability too")
    heat_map: bool = Field(default=False, description="whether to say where the model looked for its first class")
    heat_map_of: str | None = Field(
        default=None, description="the class of the heat map, by its label or else its index"
    )

    @field_validator("top_k")
    @classmethod
    def _are_there_so_many(cls, value: int, info: ValidationInfo) -> int:
        if info.context and value > (classes := info.context["classes"]):
            raise ValueError(f"must be between 1 and {classes}, the number of classes")
        return value

    @field_validator("heat_map_of")
    @classmethod
    def _is_there(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.context and class_index(value, info.context["labels"]) is None:
            raise ValueError("must be a label of the model, or its index: /model names them")
        return value


def class_index(name: str, labels: Sequence[str]) -> int | None:
    """Return the index of a class that is named by its label or, where no label is that, by its index; None: there is none."""
    if name in labels:
        return labels.index(name)
    if name.isascii() and name.isdigit() and len(name) <= _MAX_DIGITS and int(name) < len(labels):
        return int(name)
    return None


_DEFAULTS = Parameters()


class UploadRoute(APIRoute):
    """A route that takes a body, and has a place for it: see `AdmissionMiddleware`.

    FastAPI documents it by its function's signature, `(request)` or `(request, parameters)`, and calls this handler instead
    of its own, whose dependencies and validation cost as much of the event loop as all the rest of an answer.
    """

    def get_route_handler(self) -> Handler:
        """Return what serves one request; errors are answered by the application's handlers (`problems.HANDLERS`)."""
        endpoint = self.endpoint
        takes_parameters = "parameters" in inspect.signature(endpoint).parameters

        async def handle(request: Request) -> Response:
            if takes_parameters:
                parameters = checked(request.scope["query_string"], request.scope["backend"])
                answered: Response = await endpoint(request, parameters)
            else:
                answered = await endpoint(request)
            return answered

        return handle


class AdmissionMiddleware:
    """Gives every request to an upload route a place before its body is read, and takes it back however it ends.

    Before FastAPI, because under five-fold load four of five requests are refused: its layers double what that costs.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], current: Callable[[], Backend]) -> None:
        self._app = app
        uploads = [route for route in routes if isinstance(route, UploadRoute)]
        self._named = {(method, route.path): route for route in uploads for method in route.methods or ()}
        self._templates = [route for route in uploads if route.param_convertors]
        self._current = current

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        route = None
        if scope["type"] == "http" and scope["method"] in _WITH_BODY:
            route = self._find(scope["method"], own_path(scope))
        if route is None:
            await self._app(scope, receive, send)
            return
        backend = self._current()
        scheduler = backend.scheduler
        try:
            size, patience = announced(scope["headers"], backend.deadline)
            ticket = scheduler.reserve(size, patience)
        except BackendError as exc:
            scope["route"] = route  # as the router would have: it names the request in the metrics
            await answer(exc, scope)(scope, receive, send)
            return
        scope["ticket"], scope["backend"] = ticket, backend  # it stays with it, whatever serves others by then
        try:
            await self._app(scope, receive, send)
        finally:
            scheduler.cancel(ticket)

    def _find(self, method: str, path: str) -> UploadRoute | None:
        """Return the route that the router will find: most are named in full, and cost no search."""
        found = self._named.get((method, path))
        if found is None:
            matching = (route for route in self._templates if route.path_regex.match(path))
            found = next((route for route in matching if method in (route.methods or ())), None)
        return found


def announced(headers: Sequence[tuple[bytes, bytes]], patience: float) -> tuple[int, float]:
    """Return how many bytes a body will have, as far as its headers say, and for how many seconds its sender will wait.

    Args:
        headers: of the request.
        patience: how many seconds anybody waits: a client may ask for less time, not for more.

    Raises:
        ParameterError: the deadline that it asks for is no number above 0.
    """
    size = 0
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            size = int(value[:_MAX_DIGITS])
        elif name == DEADLINE_HEADER:
            if not (value.isdigit() and 0 < len(value) <= _MAX_DIGITS and int(value) > 0):
                raise ParameterError("X-Request-Deadline-Ms must be a whole number of milliseconds above 0")
            patience = min(patience, int(value) / 1000)
    return size, patience


def checked(query: bytes, backend: Backend) -> Parameters:
    """Return the parameters of a request; raise ParameterError that names every one that is wrong."""
    if not query:
        return _DEFAULTS
    labels = backend.bundle.labels
    sent = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    try:
        return Parameters.model_validate(sent, context={"classes": len(labels), "labels": labels})
    except ValidationError as exc:
        raise ParameterError(
            "; ".join(f"{error['loc'][0]}: {error['msg'].removeprefix('Value error, ')}" for error in exc.errors())
        ) from exc


def ticket_of(scope: Scope) -> Ticket:
    """Return the place that a request was given."""
    ticket: Ticket = scope["ticket"]
    return ticket
