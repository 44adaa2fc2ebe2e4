"""Data path: an admitted `POST /predict` -> `routes.predict`, without the framework in between.

FastAPI's nine layers between a request and its function cost as much of the event loop as everything that the function does
there. They are worth it everywhere else; this one address is asked thousands of times as often. The function is the same, its
parameters are checked by the same declarations, and FastAPI still documents it.
"""

from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from sightserve.backend.errors import BackendError, ParameterError
from sightserve.backend.http.problems import problem_of, refusal_headers, response
from sightserve.backend.http.routes import AllProbabilities, TopK, predict

_TOP_K: TypeAdapter[int] = TypeAdapter(TopK)
_PROBABILITIES: TypeAdapter[bool] = TypeAdapter(AllProbabilities)
_DEFAULTS = (5, False)


class HotPath:
    """Answers `POST /predict` itself and hands everything else on."""

    def __init__(self, api: ASGIApp) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != "/predict" or scope["method"] != "POST":
            await self._api(scope, receive, send)
            return
        scope["app"] = self._api  # where the route finds the backend
        scope["route_template"] = "/predict"
        try:
            top_k, probabilities = _parameters(scope["query_string"])
            answer = await predict(Request(scope, receive, send), top_k, probabilities)
        except BackendError as exc:
            answer = response(problem_of(exc, scope["request_id"]), refusal_headers(exc))
        await answer(scope, receive, send)


def _parameters(query: bytes) -> tuple[int, bool]:
    """Return `top_k` and `probabilities`; raise ParameterError where one is not what its declaration says."""
    if not query:
        return _DEFAULTS
    sent = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    values: dict[str, object] = {}
    for name, adapter in (("top_k", _TOP_K), ("probabilities", _PROBABILITIES)):
        if name in sent:
            try:
                values[name] = adapter.validate_python(sent[name])
            except ValidationError as exc:
                raise ParameterError(f"{name}: {exc.errors()[0]['msg']}") from exc
    top_k, probabilities = _DEFAULTS
    return values.get("top_k", top_k), values.get("probabilities", probabilities)  # type: ignore[return-value]
