"""What all users of one run share: the plan, the photos, the recorder, and how many requests are under way."""

import time
from dataclasses import dataclass, field

from locust.env import Environment

from sightserve.loadtest.generator.photos import Catalogue
from sightserve.loadtest.plan import Plan
from sightserve.loadtest.record import Event, Outcome, Recorder


class RequestFailed(Exception):
    """For Locust's own page: the message is the cause."""


@dataclass(slots=True)
class Context:
    """See above.

    Attributes:
        under_way: requests for photos that wait for an answer: what a new one finds beside itself.
        browsers_asked: requests of visitors' browsers, all of which Cloud Run counts.
    """

    plan: Plan
    catalogue: Catalogue
    environment: Environment
    recorder: Recorder = field(default_factory=Recorder)
    started: float = field(default_factory=time.perf_counter)
    under_way: int = 0
    browsers_asked: int = 0

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def note(self, event: Event) -> None:
        """Record a request that has just ended, here and for Locust, which is told apart what its person waited for in all."""
        self.recorder.add(event._replace(at=self.now))
        refused = " (refused)" if event.outcome is Outcome.REFUSED else ""
        named = [(event.kind + refused, event.seconds)]
        if event.before and event.outcome is Outcome.OK:
            named.append(("photo to label", event.before + event.seconds))
        for name, seconds in named:
            self.environment.events.request.fire(  # type: ignore[no-untyped-call]
                request_type=event.half.value,
                name=name,
                response_time=seconds * 1000,
                response_length=event.size,
                exception=RequestFailed(event.cause) if event.outcome is Outcome.FAILED else None,
                context={},
            )
