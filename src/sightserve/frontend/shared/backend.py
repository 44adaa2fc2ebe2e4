"""The web app's way to the backend: one client for all sessions, and what the backend says about itself.

This is the only module that asks where the backend is.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import ModelInfo, Prediction, ServiceInfo
from sightserve.client import ApiError, Client, ClientError, caller
from sightserve.client.addresses import is_local
from sightserve.client.discovery import Finder, read_places
from sightserve.client.identity import Identity
from sightserve.client.retry import FOR_A_PERSON, ONCE
from sightserve.frontend.shared import metrics as counts
from sightserve.frontend.shared import words
from sightserve.frontend.shared.photos import Photo
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.shared.words import Message

# Every answer has this many labels, whatever the slider says: moving it never sends a photo again.
MOST_LABELS: Final = 20
_KEPT_SECONDS: Final = 60.0
_FIRST_LOOK: Final = 0.3  # seconds
_NOBODY: Final = "none"  # who reaches a backend inside a cluster, whose name is no address for a browser

Ask = Callable[[Photo], Prediction]


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
def client(url: str, identified: bool = False) -> Client:
    """Return the client that all sessions share: its connections stay open from one photo to the next.

    Raises:
        IdentityError: an ID token would travel in the clear.
    """
    return Client(url, api_key=_finder().places.api_key, auth=_identity(url) if identified else None)


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


@counts.failures("photo")
def asker(*, patient: bool, labels: int = MOST_LABELS, heat_map: bool = False) -> Ask:
    """Return a function that classifies a photo, safe to call from any thread.

    Args:
        patient: whether to wait and try again, a few times, when the backend says that it is busy.
        labels: how many labels an answer has; fewer where the model knows fewer.
        heat_map: whether to be told where the model looked.

    Raises:
        ClientError: the backend is not found, or does not say how many classes it knows.
    """
    place = whereabouts()
    answering = client(place.url, place.identified)
    facts(place.url, place.identified)
    retry = FOR_A_PERSON if patient else ONCE

    def ask(photo: Photo) -> Prediction:
        return asked(
            place,
            labels,
            lambda top_k: answering.predict(
                photo.data, filename=photo.name, top_k=top_k, heat_map=heat_map, retry=retry
            ),
        )

    return counts.answers("photo")(ask)


def asked(place: Whereabouts, labels: int, predict: Callable[[int], Prediction]) -> Prediction:
    """Return an answer with so many labels, or all of a model that knows fewer: of whichever model serves by now.

    Args:
        place: where the backend is.
        labels: how many.
        predict: asks for as many as it is told.

    Raises:
        ClientError: there is none.
    """
    known = facts(place.url, place.identified).model
    try:
        answer = predict(min(labels, known.classes))
    except ApiError as error:
        if error.code != ErrorCode.INVALID_PARAMETER:
            raise
        _forget(place)  # a model with fewer classes serves in the place of that one
        answer = predict(min(labels, facts(place.url, place.identified).model.classes))
    if (answer.model.name, answer.model.version) != (known.name, known.version):
        _forget(place)
    return answer


def _forget(place: Whereabouts) -> None:
    """Have the backend asked anew what it is: another model serves."""
    facts.clear(place.url, place.identified)
    _waker().last = float("-inf")


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
    """Asks the backend what it is in the background, so that a sleeping one starts while a person still chooses."""

    last: float = float("-inf")
    known: dict[Whereabouts, Facts] = field(default_factory=dict)

    def wake(self, place: Whereabouts) -> None:
        now = time.monotonic()
        if now - self.last < _KEPT_SECONDS:
            return
        self.last = now
        asking = threading.Thread(target=self._ask, args=(place,), daemon=True)
        asking.start()
        if place not in self.known:
            asking.join(_FIRST_LOOK)  # a page that says at once what it is about is worth a moment, and no more

    def _ask(self, place: Whereabouts) -> None:
        try:
            found = facts(place.url, place.identified)
        except ClientError:
            return  # the page itself says what is wrong
        self.known = {place: found}


@st.cache_resource(show_spinner=False)
def _waker() -> _Waker:
    return _Waker()


def wake() -> None:
    """Let a sleeping backend start; asks it at most once a minute whoever calls it how often.

    Raises:
        BackendNotFound: it is nowhere.
    """
    _waker().wake(whereabouts())
