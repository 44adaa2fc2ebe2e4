"""The Batch page: hundreds of photos, from files, a folder or a zip; progress, results, errors beside them, downloads."""

import threading
from typing import Final

import streamlit as st

from sightserve.client import ClientError
from sightserve.frontend.batch import results
from sightserve.frontend.batch.job import Job
from sightserve.frontend.batch.outcomes import State, View
from sightserve.frontend.inbox import widget
from sightserve.frontend.inbox.archive import ArchiveRefused, open_zip
from sightserve.frontend.inbox.sources import Source, of_pick
from sightserve.frontend.inbox.store import File, Pick, inbox
from sightserve.frontend.inbox.widget import Offer, Texts
from sightserve.frontend.shared import backend, head, pages, waiting, words
from sightserve.frontend.shared.asking import asker
from sightserve.frontend.shared.head import Choices
from sightserve.frontend.shared.ledger import Place, account
from sightserve.frontend.shared.sessions import sessions
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.shared.spare import Spare

_LOOK_EVERY: Final = 0.7  # seconds
_PLACE: Final = "batch"


def page() -> None:
    """Draw the page."""
    chosen = head.draw("Many photos at once", "You get a table of all answers, to sort, filter and download.")
    job: Job | None = st.session_state.get("batch")
    if job is None:
        _begin(chosen)
        return
    running = job.view().state is State.RUNNING
    _inbox(chosen, pick=st.session_state.get("batch-pick", 0), go=True, paused=not running)
    if running:
        _running(chosen)
        return
    view = job.view()
    _ended(job, view)
    results.draw(view.outcomes, chosen, job.sorted_zip)


def _begin(chosen: Choices) -> None:
    limits = settings()
    offer: Offer | None = st.session_state.get("offer")
    _inbox(chosen, pick=offer.came.pick if offer else 0)
    sources = _refusals_and_sources(offer) if offer else []
    if len(sources) > limits.max_photos:
        st.warning(
            f"**{len(sources):,} photos are too many for one batch.** The first {limits.max_photos:,} are taken.",
            icon=":material/info:",
        )
        sources = sources[: limits.max_photos]
    if sources:
        together = words.size(sum(source.size for source in sources))
        st.markdown(f"**{words.counted(len(sources), 'photo')}**, {together} together.")
    label = f"Classify {words.counted(len(sources), 'photo')}" if sources else "Classify"
    with st.container(horizontal=True):
        pressed = st.button(
            label, type="primary", icon=":material/search:", disabled=not sources, shortcut="Enter", key="start"
        )
        if sources:
            st.button("Start over", on_click=_forget, key="start-over")
    if waiting.is_wanted("batch", pressed) and sources and offer:
        _start(sources, offer)
    waiting.fulfilled("batch")


def _inbox(chosen: Choices, *, pick: int, go: bool = False, paused: bool = False) -> None:
    """Draw the place where photos come in: they come as fast as they are answered, once the batch goes."""
    limits = settings()
    texts = Texts(
        invite="Choose photos",
        how="or drop photos, folders or a zip anywhere on this page",
        limits=f"Up to {limits.max_photos:,} in one go, {limits.max_upload_mb} MB each; a zip may have"
        f" {limits.session_upload_mb} MB",
        choose="Photos or a zip",
        folder="A folder",
    )
    widget.draw(
        _PLACE, texts, kinds=["photo", "archive"], most=limits.max_photos, pick=pick, original=chosen.original,
        more={"go": pick if go else 0, "paused": paused}, on_came=_came, on_offered=_offered,
    )  # fmt: skip


def _came() -> None:
    st.session_state["offer"] = Offer(widget.came(_PLACE))


def _offered() -> None:
    inbox().clear(_PLACE)
    st.session_state["offer"] = widget.offer(_PLACE)


def _refusals_and_sources(offer: Offer) -> list[Source]:
    """Say what did not come in, and return the photos that did, or will."""
    for refusal in offer.came.refused:
        st.error(f"**{words.plain(refusal.name)}**: {widget.explain(refusal, _PLACE)}", icon=":material/error:")
        if refusal.why == "video":
            pages.link("video", "To the Video page")
    if offer.came.left:
        st.warning(
            f"**{words.counted(offer.came.left, 'photo does', 'photos do')} not fit into one batch** and"
            f" {'is' if offer.came.left == 1 else 'are'} left out: {settings().max_photos:,} is the most.",
            icon=":material/info:",
        )
    sources, others = [], offer.others
    if offer.photos:
        place = inbox()
        pick = place.coming(_PLACE, Pick(offer.came.pick, len(offer.photos), Place.MEMORY, one_by_one=True))
        sources += of_pick(pick, offer.photos)
    zips = inbox().pick("archive") if offer.zips else None
    for file in [] if zips is None else zips.files():
        found, beside = _zipped(file)
        sources += found
        others += beside
    if others:
        st.caption(f"{words.counted(others, 'other file is', 'other files are')} left out: not photos.")
    return sources


def _zipped(file: File) -> tuple[list[Source], int]:
    limits = settings()
    try:
        contents = open_zip(file.data, max_photos=limits.max_photos, max_bytes=limits.max_upload_bytes)
    except ArchiveRefused as refused:
        st.error(f"**{refused.message.what}** {refused.message.do}", icon=":material/folder_zip:")
        return [], 0
    if not contents.photos:
        st.warning(f"**There are no photos in this zip.** {words.FORMATS} files count as such.", icon=":material/info:")
    return contents.photos, contents.others


@st.cache_resource(show_spinner=False)
def _everyone() -> threading.Semaphore:
    """Bounds what all sessions' batches together have under way."""
    return threading.Semaphore(settings().total_parallel)


def _start(sources: list[Source], offer: Offer) -> None:
    try:
        ask = waiting.patiently(lambda: asker(patient=False))
    except ClientError as error:
        problem = words.explain(error)
        st.error(f"**{problem.what}** {problem.do}", icon=":material/error:")
        return
    mine = account()
    known = backend.known_facts()
    job = Job(
        sources, ask, parallel=settings().parallel, everyone=_everyone(), account=mine, spare=Spare(mine),
        max_pixels=0 if known is None else known.service.limits.max_pixels,
    )  # fmt: skip
    sessions().belongs(mine.session, job)
    job.start()
    st.session_state["batch"], st.session_state["batch-pick"] = job, offer.came.pick
    waiting.fulfilled("batch")
    st.rerun()


@st.fragment(run_every=_LOOK_EVERY)
def _running(chosen: Choices) -> None:
    """Draw a batch that is under way; this part of the page looks again by itself."""
    job: Job | None = st.session_state.get("batch")
    if job is None or (view := job.view()).state is not State.RUNNING:
        st.rerun()
    st.progress(view.done / max(1, view.total), _progress(view))
    if view.held > 0:
        st.info(
            f"The classifier is busy and asked for a pause: going on in {words.duration(view.held)}.",
            icon=":material/hourglass:",
        )
    if st.button("Cancel", icon=":material/close:", key="cancel", shortcut="Esc"):
        job.cancel()
        job.wait(2.0)
        st.rerun()
    results.latest(view.outcomes, chosen)


def _progress(view: View) -> str:
    parts = [f"**{view.done:,} of {view.total:,}**"]
    if view.rate > 0:
        parts.append(_speed(view.rate))
    if view.seconds_left is not None:
        parts.append(f"{words.duration(view.seconds_left)} left")
    if view.failed:
        parts.append(words.counted(view.failed, "error"))
    return " · ".join(parts)


def _speed(rate: float) -> str:
    return f"{rate:,.0f} a second" if rate >= 1 else f"{60 * rate:.0f} a minute"


def _ended(job: Job, view: View) -> None:
    """Say how it ended, and offer to go on or to begin anew."""
    answered = f"{words.counted(view.done - view.failed, 'photo')} answered"
    if view.done > view.failed:
        answered += f" in {words.duration(view.seconds)}"
        if view.seconds >= 1:
            answered += f" ({_speed((view.done - view.failed) / view.seconds)})"
    if view.failed:
        answered += f", {words.counted(view.failed, 'error')}"
    match view.state:
        case State.DONE:
            st.success(f"**Done:** {answered}.", icon=":material/check_circle:")
        case State.GAVE_UP:
            st.error(
                f"**The classifier is away or too busy.** {answered} so far. Go on when it is back.",
                icon=":material/cloud_off:",
            )
        case State.ABANDONED:
            st.warning(f"**Paused: this page was not looked at.** {answered} so far.", icon=":material/pause_circle:")
        case _:
            st.warning(f"**Stopped.** {answered} so far, of {view.total:,}.", icon=":material/pause_circle:")
    with st.container(horizontal=True):
        if view.state is not State.DONE:
            st.button("Go on", type="primary", icon=":material/play_arrow:", on_click=job.start, key="go-on")
        elif view.repeatable:
            st.button(
                "Try the failed one again"
                if view.repeatable == 1
                else f"Try the {view.repeatable:,} failed ones again",
                type="primary",
                icon=":material/refresh:",
                on_click=job.repeat,
                key="repeat",
            )
        st.button("New batch", icon=":material/add:", on_click=_forget, key="new-batch")


def _forget() -> None:
    job: Job | None = st.session_state.pop("batch", None)
    if job is not None:
        job.close()
    results.forget()
    st.session_state.pop("offer", None)
    for place in (_PLACE, "archive"):
        inbox().clear(place)
