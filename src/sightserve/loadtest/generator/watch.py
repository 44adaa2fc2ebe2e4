"""The backend's own /metrics during a run, once a second: what it says of itself, beside what its users saw."""

import time
from typing import Final

from sightserve.client.scrape import Scrape, parse
from sightserve.loadtest.generator.web import Web

_TIMEOUT: Final = 2.0


class Watch:
    """Scrapes one backend; the one that does not answer leaves a gap, and the run goes on."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._web = Web(url, _TIMEOUT)
        self._headers = headers
        self.scrapes: list[Scrape] = []

    def look(self, at: float) -> None:
        """Scrape once; `at` is seconds since the start."""
        answer = self._web.ask("GET", "/metrics", headers=self._headers)
        if answer.status == 200:  # noqa: PLR2004
            self.scrapes.append(parse(answer.body.decode(errors="replace"), at))


def wall() -> str:
    """Return the time of day, as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
