"""The web app's way to the backend: one client for all sessions, and what the backend says about itself.

This is the only module that asks where the backend is.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from sightserve.api.schema import Kind, ModelInfo, Prediction, ServiceInfo
from sightserve.client import Client, ClientError, caller
from sightserve.client.addresses import is_local
from sightserve.client.discovery import Finder, read_places
from sightserve.client.identity import Identity
from sightserve.client.protocol import Source
from sightserve.frontend.shared import words
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.shared.words import Message

# Every answer has this many labels, whatever the slider says: moving it never sends a photo again.
MOST_LABELS: Final = 20
# seconds
_KEPT_SECONDS: Final = 60.0
_LOOKS_EVERY: Final = 10.0
_LOOKS_AGAIN: Final = 1.0
_FIRST_LOOK: Final = 0.3
_NOBODY: Final = "none"  # who reaches a backend inside a cluster, whose name is no address for a browser


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the backend is.

    Attributes:
        url: where this app reaches it.
        public_url: where people reach it, for links and for the curl line; empty where nobody but this app does.
        how: why it is looked for there, in sentences.
        identified: whether this app tells it who asks, with an ID token.
        keyed: whether it asks for an API key, which this app has and does not tell.
    """

    url: str
    public_url: str
    how: str
    identified: bool = False
    keyed: bool = False

    @property
    def private(self) -> bool:
        """Whether people who go to the public address have to say who they are: a link alone does not open it."""
        return self.identified and self.public_url == self.url


_seen: ContextVar[list[Whereabouts] | None] = ContextVar("seen", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Within the block, the backend is looked for once, however often it is asked where it is: the block is one page."""
    before = _seen.set([])
    try:
        yield
    finally:
        _seen.reset(before)


@st.cache_resource(show_spinner=False)
def _finder() -> Finder:
    return Finder(read_places())


def whereabouts() -> Whereabouts:
    """Return where the backend is, and how it was found.

    Raises:
        BackendNotFound: it is nowhere; says what was tried.
    """
    seen = _seen.get()
    if seen:
        return seen[0]
    found = _finder().find()
    public = settings().public_backend.rstrip("/")
    public_url = "" if public.lower() == _NOBODY else public or found.url
    page = st.context.url
    if page and is_local(public_url) and not is_local(page):
        public_url = ""  # on this machine, and the visitor's browser is on another
    place = Whereabouts(found.url, public_url, found.how, found.identified, bool(_finder().places.api_key))
    if seen is not None:
        seen.append(place)
    return place


@dataclass(frozen=True, slots=True)
class Facts:
    """What the backend says about itself."""

    model: ModelInfo
    service: ServiceInfo


@st.cache_resource(show_spinner=False, max_entries=4)
def _identity(url: str) -> Identity:
    """Return what gets the ID tokens for this backend: all sessions and both clients share them."""
    return caller.identity(url)


@st.cache_resource(show_spinner=False, max_entries=4, on_release=Client.close)
def client(url: str, identified: bool = False, source: Source = "page") -> Client:
    """Return the client that all sessions share: its connections stay open from one photo to the next.

    Raises:
        IdentityError: an ID token would travel in the clear.
    """
    return Client(url, api_key=_finder().places.api_key, auth=_identity(url) if identified else None, source=source)


@st.cache_resource(show_spinner=False, ttl=_KEPT_SECONDS, max_entries=4)
def facts(url: str, identified: bool = False) -> Facts:
    """Return what the backend says about itself; kept for a minute, a failure is not kept.

    Raises:
        ClientError: the backend is away, lets nobody in, or something else answers.
    """
    answering = client(url, identified)
    return Facts(answering.model(), answering.info())


def known_facts() -> Facts | None:
    """Return what the backend says about itself, or None where that is not known yet: a page does not wait for it."""
    try:
        place = whereabouts()
    except ClientError:
        return None
    waker = _waker()
    waker.wake(place)
    return waker.known.get(place)


def explain(error: ClientError) -> Message:
    """Return what to tell a person about an error, with the backend's limits in it."""
    found = known_facts()
    return words.explain(error, 0 if found is None else found.service.limits.max_pixels)


def product() -> str:
    """Return what the product is called: the model's manifest says it."""
    found = known_facts()
    return (found and found.model.title) or "Sightserve"


def kinds_of(prediction: Prediction) -> Sequence[Kind]:
    """Return what labels of an answer are kinds of; none where another model gave it, whose labels have other numbers."""
    found = known_facts()
    return found.model.kinds if found is not None and is_of(prediction, found) else ()


def is_of(prediction: Prediction, found: Facts) -> bool:
    """Return whether an answer is of the model that is known."""
    return (prediction.model.name, prediction.model.version) == (found.model.name, found.model.version)


def model_digest() -> str:
    """Return what tells the model that answers now from all others, for what is kept of its answers."""
    found = known_facts()
    return "" if found is None else found.model.sha256


def shows_for_nothing() -> bool:
    """Return whether this model's heat maps cost no time, so that they are asked for with every answer.

    Raises:
        ClientError: the backend is not found, or does not say what its model is.
    """
    place = whereabouts()
    return facts(place.url, place.identified).model.heat_map == "class_activation"


def is_ready() -> bool:
    """Return whether the backend is ready for work right now."""
    try:
        place = whereabouts()
        client(place.url, place.identified).ready()
    except ClientError:
        return False
    return True


def metrics() -> str:
    """Return the backend's metrics in Prometheus's text format.

    Raises:
        ClientError: the backend is away, or does not give them.
    """
    place = whereabouts()
    return client(place.url, place.identified).metrics()


@dataclass(slots=True)
class _Waker:
    """Asks the backend what it is in the background, so that a sleeping one starts while a person still chooses.

    And again now and then: another model may have taken the place of the one that is known.
    """

    last: float = float("-inf")
    looked_again: float = float("-inf")
    known: dict[Whereabouts, Facts] = field(default_factory=dict)

    def wake(self, place: Whereabouts) -> None:
        now = time.monotonic()
        if now - self.last < _LOOKS_EVERY:
            return
        self.last = now
        asking = threading.Thread(target=self._ask, args=(place,), daemon=True)
        asking.start()
        if place not in self.known:
            asking.join(_FIRST_LOOK)  # a page that says at once what it is about is worth a moment, and no more

    def _ask(self, place: Whereabouts) -> None:
        try:
            before = self.known.get(place)
            # a few bytes, where a model's labels may be a megabyte
            if before is not None and client(place.url, place.identified).info().model != before.service.model:
                facts.clear(place.url, place.identified)
            found = facts(place.url, place.identified)
        except ClientError:
            return  # the page itself says what is wrong
        self.known = {place: found}

    def look_again(self, place: Whereabouts) -> None:
        """Ask what the backend is, since an answer was not of the model that is known.

        Not for each answer: while instances with the old model and with the new one stand behind one address, they take turns.
        """
        now = time.monotonic()
        if now - self.looked_again < _LOOKS_AGAIN:
            return
        self.looked_again = now
        facts.clear(place.url, place.identified)
        self._ask(place)


@st.cache_resource(show_spinner=False)
def _waker() -> _Waker:
    return _Waker()


def look_again(place: Whereabouts) -> None:
    """Ask what the backend is, since its answer was not of the model that is known."""
    _waker().look_again(place)


def current(place: Whereabouts) -> Facts:
    """Return what is known of the backend; what is not yet is asked for.

    Raises:
        ClientError: the backend is away, or does not say what its model is.
    """
    waker = _waker()
    if place not in waker.known:
        waker.known = {place: facts(place.url, place.identified)}
    return waker.known.get(place) or facts(place.url, place.identified)


def wake() -> None:
    """Let a sleeping backend start; asks it every few seconds at most, whoever calls it how often.

    Raises:
        BackendNotFound: it is nowhere.
    """
    _waker().wake(whereabouts())
