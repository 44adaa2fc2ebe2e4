"""What every page does when the backend still sleeps: wait, and show that. It is no error that a cold start takes a while."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import streamlit as st

from sightserve.client import ClientError
from sightserve.frontend.shared import backend, words
from sightserve.frontend.shared.settings import settings

_LOOK_EVERY = 0.5  # seconds
Answer = TypeVar("Answer")


def want(wish: str) -> None:
    """Keep a wish until it is `fulfilled`.

    Whatever a person touches while a backend wakes up starts the page anew, and a button is pressed in one run only.
    """
    st.session_state[_wanted(wish)] = True


def is_wanted(wish: str, pressed: bool = False) -> bool:
    """Return whether somebody wants this: just `pressed` its button, or did so in an earlier run of the page."""
    if pressed:
        want(wish)
    return bool(st.session_state.get(_wanted(wish), False))


def fulfilled(*wishes: str) -> None:
    """Forget wishes: they were fulfilled, or it was said why they cannot be."""
    for wish in wishes:
        st.session_state.pop(_wanted(wish), None)


def _wanted(wish: str) -> str:
    return f"wanted-{wish}"


def waits(
    ready: Callable[[], bool],
    longest: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[float]:
    """Yield the seconds waited so far, again and again, until it is ready or `longest` seconds have passed."""
    started = clock()
    while (waited := clock() - started) < longest:
        if ready():
            return
        yield waited
        sleep(_LOOK_EVERY)


def until_ready() -> None:
    """Wait for a backend that is starting, and show that; return when it is ready, or when it has taken too long."""
    longest = settings().wait_seconds
    with st.container(key="waking"):
        bar = st.progress(0.0, "The classifier is waking up ...")
        for waited in waits(backend.is_ready, longest):
            bar.progress(
                min(waited / longest, 1.0),
                "**The classifier is waking up.** After a quiet time that takes up to half a minute; it goes on by itself as"
                f" soon as it is there. ({waited:.0f} s so far)",
            )
        bar.empty()


def patiently(call: Callable[[], Answer]) -> Answer:
    """Return what `call` returns; where the backend is still starting, show that, wait, and call once more.

    Raises:
        ClientError: it failed for another reason, or the backend did not start in time.
    """
    try:
        return call()
    except ClientError as error:
        if not words.is_starting(error):
            raise
    until_ready()
    return call()
