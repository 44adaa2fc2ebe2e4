"""The web app's way to the backend: one client for all sessions, and what the backend says about itself.

This is the only module that asks where the backend is.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from sightserve.api.schema import ModelInfo, Prediction, ServiceInfo
from sightserve.client import Client, ClientError
from sightserve.client.discovery import backend_url
from sightserve.client.patience import Patience
from sightserve.client.protocol import Retry
from sightserve.frontend.photos import Photo
from sightserve.frontend.settings import settings
from sightserve.video.facts import Wanted
from sightserve.video.timeline import Guess

# Every answer has this many labels, whatever the slider says: moving it never sends a photo again.
MOST_LABELS: Final = 20
_KEPT_SECONDS: Final = 60.0

Ask = Callable[[Photo], Prediction]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the backend is.

    Attributes:
        url: where this app reaches it.
        public_url: where people reach it, for links and for the curl line.
        how: why it is looked for there, as a sentence.
    """

    url: str
    public_url: str
    how: str


def whereabouts() -> Whereabouts:
    """Return where the backend is, and how it was found."""
    url = backend_url().rstrip("/")
    named = bool(os.environ.get("BACKEND", "").strip())
    how = "The environment variable BACKEND says so." if named else "BACKEND is not set, so this machine is asked."
    return Whereabouts(url, settings().public_backend.rstrip("/") or url, how)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the backend says about itself."""

    model: ModelInfo
    service: ServiceInfo


@st.cache_resource(show_spinner=False, max_entries=4, on_release=Client.close)
def client(url: str) -> Client:
    """Return the client that all sessions share: its connections stay open from one photo to the next."""
    return Client(url)


@st.cache_resource(show_spinner=False, max_entries=4, on_release=Client.close)
def _impatient(url: str) -> Client:
    """Return the client of those who keep their own pace: it tries once and says at once how it went."""
    return Client(url, retry=Retry(attempts=1))


@st.cache_resource(show_spinner=False, ttl=_KEPT_SECONDS, max_entries=4)
def facts(url: str) -> Facts:
    """Return what the backend says about itself; kept for a minute, a failure is not kept.

    Raises:
        ClientError: the backend is away, or something else answers.
    """
    answering = client(url)
    return Facts(answering.model(), answering.info())


def asker(*, patient: bool, labels: int = MOST_LABELS) -> Ask:
    """Return a function that classifies a photo, safe to call from any thread.

    Args:
        patient: whether to wait and try again, a few times, when the backend says that it is busy.
        labels: how many labels an answer has; fewer where the model knows fewer.

    Raises:
        ClientError: the backend does not say how many classes it knows.
    """
    url = whereabouts().url
    answering, top_k = client(url) if patient else _impatient(url), min(labels, facts(url).model.classes)
    return lambda photo: answering.predict(photo.data, filename=photo.name, top_k=top_k)


def frame_asker(patience: Patience, labels: int) -> tuple[Callable[[bytes], tuple[Guess, ...]], Wanted]:
    """Return a function that classifies a frame, safe to call from any thread, and what the model looks at.

    Args:
        patience: whose pace to keep; it asks again for as long as it takes.
        labels: how many labels an answer has; fewer where the model knows fewer.

    Raises:
        ClientError: the backend does not say what its model is.
    """
    url = whereabouts().url
    answering, model = _impatient(url), facts(url).model

    def ask(frame: bytes) -> tuple[Guess, ...]:
        answer = patience.ask(lambda: answering.predict(frame, top_k=min(labels, model.classes)))
        return tuple(Guess(entry.label, entry.probability) for entry in answer.top_k)

    # a backend that does not say how it crops gets twice the pixels that its model takes: enough for any sensible crop
    return ask, Wanted(model.input_width, model.input_height, model.input_crop or 0.5)


def is_ready() -> bool:
    """Return whether the backend is ready for work right now."""
    try:
        _impatient(whereabouts().url).ready()
    except ClientError:
        return False
    return True


def metrics() -> str:
    """Return the backend's metrics in Prometheus's text format.

    Raises:
        ClientError: the backend is away, or does not give them.
    """
    return _impatient(whereabouts().url).metrics()


@dataclass(slots=True)
class _Waker:
    """Asks the backend for its health in the background, so that a sleeping one starts while a person still chooses."""

    last: float = float("-inf")

    def wake(self, url: str) -> None:
        now = time.monotonic()
        if now - self.last < _KEPT_SECONDS:
            return
        self.last = now
        client_of_thread = _impatient(url)
        threading.Thread(target=_quietly, args=(client_of_thread.ready,), daemon=True).start()


def _quietly(call: Callable[[], object]) -> None:
    try:
        call()
    except ClientError:
        return


@st.cache_resource(show_spinner=False)
def _waker() -> _Waker:
    return _Waker()


def wake() -> None:
    """Let a sleeping backend start; returns at once, and asks at most once a minute whoever calls it how often."""
    _waker().wake(whereabouts().url)
