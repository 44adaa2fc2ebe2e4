"""Data path: headers -> [no place in the queue: the refusal, at once] -> admission.

What `admission.py` would answer, in the same words, but from the protocol itself: at five times the capacity four of five
requests end here, and a task, nine layers and a scope for each would take the cycles that the fifth needs.
"""

import time
from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from sightserve.backend.build import Backend
from sightserve.backend.errors import ParameterError
from sightserve.backend.http.admission import announced
from sightserve.backend.http.lifecycle import Lifecycle
from sightserve.backend.http.middleware import SECURITY_HEADERS, Ledger, identify
from sightserve.backend.http.problems import problem_of, refusal_headers, response
from sightserve.backend.logs import AccessLog

_PATH = b"/predict"


class Door:
    """Turns away a `POST /predict` for which there is no place; everything else passes."""

    def __init__(self, backend: Backend, lifecycle: Lifecycle, access_log: AccessLog | None) -> None:
        self._scheduler = backend.scheduler
        self._patience_ms = backend.settings.deadline_ms
        self._lifecycle = lifecycle
        self._ledger = Ledger(backend.metrics, access_log)
        # Who may ask comes first, and browsers of other origins need their headers: those layers answer for themselves.
        self._open = not backend.settings.api_keys and not backend.settings.allowed_origins

    def refusal(self, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
        """Return the whole answer to a POST that is refused, ready to be sent; None where it is to be served.

        Args:
            url: as the client sent it.
            headers: all of them, their names in lower case.
        """
        if not self._open or self._lifecycle.draining or url.partition(b"?")[0] != _PATH:
            return None
        started = time.perf_counter()
        try:
            refused = self._scheduler.refusal(*announced(headers, self._patience_ms))
        except ParameterError:
            return None
        if refused is None:
            return None
        request_id, trace = identify(headers)
        answer = response(problem_of(refused, request_id), refusal_headers(refused))
        lines = [*answer.raw_headers, (b"x-request-id", request_id.encode()), *SECURITY_HEADERS]
        head = b"".join([b"%b: %b\r\n" % line for line in lines])
        path = _PATH.decode()
        seconds = time.perf_counter() - started
        self._ledger.note("POST", path, path, answer.status_code, seconds, request_id, trace)
        return STATUS_LINE[answer.status_code] + head + b"\r\n" + bytes(answer.body)
