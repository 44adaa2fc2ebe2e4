"""One load test, as it was asked for: frozen, made by the command line, handed to the generator as JSON in its environment."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Final

from sightserve.loadtest.goals import Goals, InvalidValue

VARIABLE: Final = "SIGHTSERVE_LOADTEST"
API_KEY_VARIABLE: Final = "SIGHTSERVE_API_KEY"
# A ramp has to know what "breaks" means even when nobody said so: what people still wait for, and what they notice.
RAMP_GOALS: Final = Goals(p95=2.0, failures=0.01, refusals=0.05)

# Of ten photos that people take, phones take nine (92.5 %, Max Spielmann, 2023); some come smaller, through a messenger or from
# the web. Programs send what is stored somewhere, mostly reduced already.
VISITOR_PHONE_SHARE: Final = 0.8
API_PHONE_SHARE: Final = 0.2


class Shape(StrEnum):
    """How the load goes over time."""

    STEADY = "steady"
    RAMP = "ramp"
    SPIKE = "spike"
    ARRIVALS = "arrivals"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to load, how hard, for how long.

    Attributes:
        backend: URL of the API, or empty.
        frontend: URL of the web app, or empty.
        users: at once; the most of them for a ramp and a spike.
        spawn_rate: users that join each second.
        seconds: how long it lasts at most.
        shape: see Shape; arrivals send requests at random moments whether or not earlier ones are answered.
        rps: requests a second, for arrivals.
        api_every: seconds from one request of an API user to its next, on average; waiting for the answer included.
        visitor_every: the same for a visitor's photos.
        visit_photos: photos that a visitor asks about before a new visitor comes.
        bad_share, batch_share: of an API user's requests.
        phone_share: of an API user's photos, that a phone took: 12 megapixels.
        visitor_phone_share: of a visitor's.
        batch_visitors: share of visitors that use the Batch page.
        assets: whether a visit loads the page's files, as a browser with an empty cache does.
        photos: a folder; the samples where it is empty.
        timeout: seconds after which an answer is given up.
        goals: what has to be kept.
        report, json_file: where to write what happened; nowhere where empty.
        web: the port of Locust's own page; 0: no page.
    """

    backend: str = ""
    frontend: str = ""
    users: int = 10
    spawn_rate: float = 2.0
    seconds: float = 60.0
    shape: Shape = Shape.STEADY
    rps: float = 10.0
    api_every: float = 1.0
    visitor_every: float = 10.0
    visit_photos: int = 3
    bad_share: float = 0.04
    batch_share: float = 0.04
    phone_share: float = API_PHONE_SHARE
    visitor_phone_share: float = VISITOR_PHONE_SHARE
    batch_visitors: float = 0.0
    assets: bool = False
    photos: str = ""
    timeout: float = 30.0
    goals: Goals = field(default_factory=Goals)
    report: str = ""
    json_file: str = ""
    web: int = 0

    @property
    def phones(self) -> bool:
        """Whether anybody sends photos of a phone."""
        return bool((self.backend and self.phone_share) or (self.frontend and self.visitor_phone_share))

    @property
    def breaking(self) -> Goals:
        """Return what a ramp must break before it stops: the stated goals, the usual ones where none is stated."""
        stated = {name: value for name, value in asdict(self.goals).items() if value is not None}
        return replace(RAMP_GOALS, **stated)

    def check(self) -> None:
        """Raise InvalidValue when it cannot be carried out."""
        if not self.backend and not self.frontend:
            raise InvalidValue("say what to load: --backend URL, --frontend URL, or both")
        for url in filter(None, (self.backend, self.frontend)):
            if not url.startswith(("http://", "https://")):
                raise InvalidValue(f"{url!r} is no address: it begins with http:// or https://")
        if self.users < 1 or self.spawn_rate <= 0 or self.rps <= 0 or self.visit_photos < 1:
            raise InvalidValue("users, photos of a visit, spawn rate and requests per second are above 0")
        if self.shape is Shape.ARRIVALS and (self.frontend or not self.backend):
            raise InvalidValue("--shape arrivals loads the API alone: give --backend and no --frontend")

    def to_environment(self) -> dict[str, str]:
        """Return the environment variable that carries it. The API key never travels in it."""
        return {VARIABLE: json.dumps(asdict(self))}


def from_environment(environment: Mapping[str, str]) -> Plan | None:
    """Return the plan that the environment carries, if any."""
    text = environment.get(VARIABLE)
    if not text:
        return None
    values = json.loads(text)
    return Plan(**{**values, "shape": Shape(values["shape"]), "goals": Goals(**values["goals"])})
