"""The backend's own /metrics during a run, once a second: what it says of itself, beside what its users saw."""

from collections.abc import Callable
from typing import Any, Final

from sightserve.client.scrape import Scrape, parse, rate
from sightserve.loadtest.generator.web import Web

_TIMEOUT: Final = 2.0


class Watch:
    """Scrapes one backend; the one that does not answer leaves a gap, and the run goes on.

    Attributes:
        rows: of each scrape but the first: when, how many waited for a slot, and answers a second since the one before.
    """

    def __init__(self, url: str, headers: Callable[[], dict[str, str]]) -> None:
        self._web = Web(url, _TIMEOUT)
        self._headers = headers
        self._before: Scrape | None = None
        self.rows: list[dict[str, Any]] = []

    def look(self, at: float) -> None:
        """Scrape once; `at` is seconds since the start."""
        answer = self._web.ask("GET", "/metrics", headers=self._headers())
        if answer.status != 200:  # noqa: PLR2004
            return
        before, now = self._before, parse(answer.body.decode(errors="replace"), at)
        self._before = now
        if before is not None:
            answers = rate(before, now, "sightserve_inference_seconds_count")
            self.rows.append({"t": at, "queue_depth": now.total("sightserve_queue_depth"), "answers_s": answers})
