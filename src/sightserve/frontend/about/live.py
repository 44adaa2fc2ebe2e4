"""The About page's live parts: whether the backend is ready, how fast it answers, how long its queue is."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import streamlit as st

from sightserve.client import ClientError
from sightserve.client.scrape import Scrape, parse, quantile, rate
from sightserve.frontend.shared import backend, words
from sightserve.frontend.shared.english import sentence

_LOOK_EVERY: Final = 5.0  # seconds
_KEPT: Final = 25  # scrapes: two minutes
_FEW: Final = 0.01  # seconds; below it, tenths of a millisecond count
_UNKNOWN: Final = "?"
_REQUESTS: Final = "sightserve_http_requests_total"
_DURATION: Final = "sightserve_http_request_duration_seconds"
_ROUTES: Final = ("/predict", "/predict/batch", "/classify/")


@dataclass(frozen=True, slots=True)
class Figures:
    """What is shown; None where the backend does not say.

    Attributes:
        per_second: photo requests a second.
        median, slowest: seconds from first byte in to last byte out; the slowest is the 95th percentile.
        queue: 95th percentile of the seconds that a request waits for its turn.
        decode, inference: median seconds.
        failed: requests a second that the backend refused or could not answer (status 500 and up).
    """

    per_second: float | None
    median: float | None
    slowest: float | None
    queue: float | None
    decode: float | None
    inference: float | None
    failed: float | None


def figures(before: Scrape | None, after: Scrape) -> Figures:
    """Return what happened between two scrapes, or since the backend's start where there is no earlier one."""

    def steps(share: float, name: str) -> float | None:
        return quantile(share, before, after, name)

    route = next((name for name in _ROUTES if after.total(f"{_DURATION}_count", route=name)), _ROUTES[0])
    rates = [] if before is None else [rate(before, after, _REQUESTS, route=name) for name in _ROUTES]
    known = [value for value in rates if value is not None]
    statuses = {labels.get("status", "") for labels, _ in after.samples.get(_REQUESTS, ())}
    broken = [status for status in statuses if status.startswith("5")]
    failing = [] if before is None else [rate(before, after, _REQUESTS, status=status) or 0.0 for status in broken]
    return Figures(
        per_second=sum(known) if known else None,
        median=quantile(0.5, before, after, _DURATION, route=route),
        slowest=quantile(0.95, before, after, _DURATION, route=route),
        queue=steps(0.95, "sightserve_queue_wait_seconds"),
        decode=steps(0.5, "sightserve_decode_seconds"),
        inference=steps(0.5, "sightserve_inference_seconds"),
        failed=sum(failing) if before is not None else None,
    )


def comparable(scrapes: Sequence[Scrape]) -> tuple[list[Scrape], bool]:
    """Return those of the backend that answered last, which alone can be compared, and whether there were others."""
    alike = [scrape for scrape in scrapes if scrape.instance == scrapes[-1].instance]
    return alike, len(alike) < len(scrapes)


@st.fragment(run_every=_LOOK_EVERY)
def readiness() -> None:
    """Draw whether the backend is ready; once it is, the page is drawn again, which may have had nothing to say before."""
    ready, before = backend.is_ready(), st.session_state.get("about-ready")
    st.session_state["about-ready"] = ready
    if ready and before is False:
        st.rerun()
    if ready:
        st.badge("Ready", icon=":material/check_circle:", color="green")
    else:
        st.badge("Not ready", icon=":material/hourglass_top:", color="orange")


@st.fragment(run_every=_LOOK_EVERY)
def draw() -> None:
    """Draw the figures; this part of the page looks again by itself."""
    scrapes: deque[Scrape] = st.session_state.setdefault("scrapes", deque(maxlen=_KEPT))
    try:
        scrapes.append(parse(backend.metrics(), time.monotonic()))
    except ClientError as error:
        st.header("Right now", anchor=False)
        st.caption(f"No figures: {words.explain(error).what}")
        return
    after = scrapes[-1]
    alike, several = comparable(scrapes)
    before = alike[0] if len(alike) > 1 else None
    now = figures(before, after)
    recent = before is not None and now.median is not None
    history = [figures(*pair) for pair in pairwise(alike)]
    whose = "of one of several classifiers that answer in turn" if several else "of all people together"
    span = "" if before is None else f"Over the last {words.duration(after.at - before.at)}, "

    st.header("Right now", anchor=False)
    with st.grid("auto", min_column_width=130, key="live"):
        busy = [entry.per_second or 0.0 for entry in history]
        st.metric("Photos a second", _number(now.per_second if before else None),
                  chart_data=busy if any(busy) else None, border=True)  # fmt: skip
        st.metric("Errors a second", _number(now.failed), border=True)
        if recent:
            _durations(now, [1000 * (entry.median or 0.0) for entry in history] if any(busy) else None)
    st.caption(sentence(f"{span}{whose}. Looks again every {_LOOK_EVERY:.0f} seconds."))
    if recent:
        return
    st.header("Since the classifier started", anchor=False)
    whole = figures(None, after)
    if whole.median is None:
        st.caption("No photo yet.")
        return
    with st.grid("auto", min_column_width=130, key="since"):
        _durations(whole, None)


def _durations(told: Figures, history: Sequence[float] | None) -> None:
    """Draw how long photos take; `history` is the typical answers' milliseconds, oldest first."""
    st.metric("Typical answer", _ms(told.median), chart_data=history, border=True)
    st.metric("Slowest 5 %", _ms(told.slowest), border=True)
    st.metric("Waiting in line", _ms(told.queue), border=True, help="95 of 100 wait no longer than this.")
    st.metric("Reading the photo", _ms(told.decode), border=True)
    st.metric("The model itself", _ms(told.inference), border=True)


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return _UNKNOWN
    return f"{1000 * seconds:.1f} ms" if seconds < _FEW else f"{1000 * seconds:.0f} ms"


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.1f}"
