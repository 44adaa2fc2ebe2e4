"""Where is the backend? The environment says so, or Cloud Run does, or it is on this machine; else: what was tried.

In this order (`ways`), and the answer says which one won and why:

1. BACKEND, when it is set and no Cloud Run project is configured;
2. the Cloud Run service, when a project is configured or this runs on Cloud Run itself; BACKEND when that fails;
3. port 8000 of this machine, when a Sightserve answers there.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import httpx2

from sightserve.client.addresses import is_cloud_run, is_safe
from sightserve.client.cloud_run import API, LookupFailed, Named, service_url
from sightserve.client.errors import (
    ApiError,
    Attempt,
    BackendNotFound,
    BackendTimeout,
    BackendUnreachable,
    ClientError,
)
from sightserve.client.http import Client
from sightserve.client.protocol import key_header

LOCAL_BACKEND: Final = "http://127.0.0.1:8000"
API_KEY_VARIABLE: Final = "SIGHTSERVE_API_KEY"
KEPT_SECONDS: Final = 300.0
_KEPT_STALE_SECONDS: Final = 30.0
_LOCAL_SECONDS: Final = 1.0


class Way(StrEnum):
    """How the backend is found."""

    BACKEND = "BACKEND"
    CLOUD_RUN = "Cloud Run"
    FALLBACK = "BACKEND, as the fallback"
    LOCAL = "this machine"


class Identity(StrEnum):
    """When requests carry an ID token."""

    AUTO = "auto"  # where the backend is a Cloud Run service
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look: one frozen object, read once.

    Attributes:
        backend: an address that somebody set; empty: none.
        service: the Cloud Run service to look for.
        on_cloud_run: whether this process runs there itself, so that a metadata server knows project and region.
        identity: when requests carry an ID token.
        api_key: that requests carry; None: none.
        environment: for the credentials, which Google's libraries read by names of their own.
    """

    backend: str
    service: Named
    on_cloud_run: bool
    identity: Identity
    api_key: str | None = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """Where the backend is.

    Attributes:
        url: its address, without a slash at the end.
        way: which way led there.
        how: why it is looked for there, in sentences.
        identified: whether requests to it carry an ID token.
    """

    url: str
    way: Way
    how: str
    identified: bool


def read_places(environment: Mapping[str, str] = os.environ) -> Places:
    """Return where the environment says to look. What cannot be meant is taken as not set, and `find` says so later.

    Raises:
        ValueError: SIGHTSERVE_IDENTITY has a value that is none of its three, or SIGHTSERVE_API_KEY is no key.
    """

    def word(name: str, default: str = "") -> str:
        return environment.get(name, "").strip() or default

    identity = word("SIGHTSERVE_IDENTITY", Identity.AUTO).lower()
    if identity not in list(Identity):
        raise ValueError(f"SIGHTSERVE_IDENTITY is {identity!r}: it needs to be one of {', '.join(Identity)}")
    key_header(word(API_KEY_VARIABLE))  # refused now, and not at the first photo
    return Places(
        backend=word("BACKEND").rstrip("/"),
        service=Named(
            word("SIGHTSERVE_CLOUD_PROJECT"),
            word("SIGHTSERVE_CLOUD_REGION"),
            word("SIGHTSERVE_CLOUD_SERVICE", "sightserve-backend"),
            word("SIGHTSERVE_CLOUD_ENDPOINT", API),
        ),
        on_cloud_run=bool(word("K_SERVICE")),
        identity=Identity(identity),
        api_key=word(API_KEY_VARIABLE) or None,
        environment=dict(environment),
    )


def ways(places: Places) -> tuple[Way, ...]:
    """Return the ways to try, the first that leads somewhere wins."""
    if places.backend and not places.service.project:
        return (Way.BACKEND,)  # on Cloud Run too: somebody wrote it down, which the machine's own knowledge is not
    cloud = (Way.CLOUD_RUN,) if places.service.project or places.on_cloud_run else ()
    return (*cloud, Way.FALLBACK if places.backend else Way.LOCAL)


def identified(url: str, way: Way, identity: Identity) -> bool:
    """Return whether requests to this address carry an ID token.

    By itself, only a Cloud Run service gets one: found through its API, or by a name that only Cloud Run gives. Any other
    backend could take the token and be this app elsewhere only for its own address (the token names it), but has no use for
    it. Over plain HTTP, where anybody on the way could read it, it travels only inside this machine.
    """
    if identity is not Identity.AUTO:
        return identity is Identity.ALWAYS  # `client.identity` refuses an unsafe address aloud
    return (way is Way.CLOUD_RUN or is_cloud_run(url)) and is_safe(url)


class Finder:
    """Finds the backend, and remembers where it was. Safe to share between threads: those who ask together look once.

    An address is kept for `kept` seconds. A failure is not kept, nor is the fallback that it led to: who asks next looks
    again. When looking again fails for the moment only, the address found last is used a little longer.
    """

    def __init__(
        self, places: Places, *, kept: float = KEPT_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.places = places
        self._kept = kept
        self._clock = clock
        self._lock = threading.Lock()
        # Guarded by _lock:
        self._found: Found | None = None
        self._until = float("-inf")
        self._flight: Future[Found] | None = None

    def find(self) -> Found:
        """Return where the backend is.

        Raises:
            BackendNotFound: it is nowhere; says what was tried and what would help.
        """
        with self._lock:
            if self._found is not None and self._clock() < self._until:
                return self._found
            flight, first = self._flight, self._flight is None
            if flight is None:
                flight = self._flight = Future()
        if not first:
            return flight.result()
        try:
            found, seconds = self._look()
        except BaseException as error:
            self._land(None, 0.0)
            flight.set_exception(error)
            raise
        self._land(found if seconds > 0 else None, seconds)
        flight.set_result(found)
        return found

    def _land(self, found: Found | None, seconds: float) -> None:
        with self._lock:
            self._flight = None
            self._found, self._until = found, self._clock() + seconds

    def _look(self) -> tuple[Found, float]:
        """Try each way; return what was found, and for how many seconds that is good."""
        attempts: list[Attempt] = []
        for way in ways(self.places):
            try:
                return self._try(way, attempts)
            except LookupFailed as failed:
                last = self._found
                if failed.temporary and last is not None and last.way is way:
                    stale = f"Cloud Run said so earlier; just now it could not be asked again. {failed}"
                    return replace(last, how=stale), min(self._kept, _KEPT_STALE_SECONDS)
                attempts.append(Attempt(self._describe(way), str(failed), failed.do))
        raise BackendNotFound(tuple(attempts))

    def _try(self, way: Way, attempts: list[Attempt]) -> tuple[Found, float]:
        places, kept = self.places, self._kept
        match way:
            case Way.BACKEND:
                url, how = places.backend, "The environment variable BACKEND says so."
            case Way.CLOUD_RUN:
                url = service_url(places.service, places.environment).rstrip("/")
                how = f"It is the Cloud Run service {places.service.service}; Cloud Run gave its address."
            case Way.FALLBACK:
                url, kept = places.backend, 0.0
                how = (
                    f"BACKEND says so, because it was not found on Cloud Run. {attempts[-1].outcome} {attempts[-1].do}"
                )
            case Way.LOCAL:
                url = _answering(LOCAL_BACKEND)
                how = "BACKEND is not set, and this machine answers."
        return Found(url, way, how, identified(url, way, places.identity)), kept

    def _describe(self, way: Way) -> str:
        if way is Way.LOCAL:
            return f"This machine, at {LOCAL_BACKEND}"
        named = self.places.service
        where = f" in project {named.project}" if named.project else ""
        return f"Cloud Run, the service {named.service}{where}"


def _answering(url: str) -> str:
    """Return the address when a Sightserve answers there, ready or not.

    Raises:
        LookupFailed: nothing does, or something else.
    """
    timeout = httpx2.Timeout(_LOCAL_SECONDS)
    # plain HTTP on this machine: reading the authorities' certificates would take ten times as long as the question
    transport = httpx2.HTTPTransport(verify=False)
    try:
        with Client(url, timeout=timeout, transport=transport) as client:
            client.ready()
    except ApiError:
        return url  # it is there, and starting
    except ClientError as exc:
        nothing = isinstance(exc, BackendUnreachable | BackendTimeout)
        raise LookupFailed(
            "Nothing answers there." if nothing else "What answers there is no Sightserve.",
            "Start the classifier with: sightserve serve. Or set BACKEND to its address, such as http://127.0.0.1:8000.",
        ) from exc
    return url
