"""The Batch page: hundreds of photos, from files, a folder or a zip; progress, results, errors beside them, downloads."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from sightserve.client import ClientError
from sightserve.frontend.batch import results
from sightserve.frontend.batch.archive import ArchiveRefused, open_zip
from sightserve.frontend.batch.job import Job
from sightserve.frontend.batch.outcomes import State, View
from sightserve.frontend.batch.sources import Source, from_uploads
from sightserve.frontend.shared import backend, waiting, words
from sightserve.frontend.shared.ledger import account
from sightserve.frontend.shared.photos import TYPES
from sightserve.frontend.shared.sessions import sessions
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.shared.sidebar import Choices, choices
from sightserve.frontend.shared.spare import Spare
from sightserve.frontend.shared.uploads import free

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_LOOK_EVERY: Final = 0.7  # seconds
_FOLDER: Final = ":material/folder: A folder"
_FILES: Final = ":material/photo_library: Photos"
_ZIP: Final = ":material/folder_zip: A zip"


def page() -> None:
    """Draw the page."""
    st.title("Many photos at once", anchor=False)
    chosen = choices()
    job: Job | None = st.session_state.get("batch")
    if job is None:
        _begin(chosen)
        return
    if job.view().state is State.RUNNING:
        _running(chosen)
        return
    view = job.view()
    _ended(job, view)
    results.draw(view.outcomes, chosen, job.sorted_zip)


def _begin(chosen: Choices) -> None:
    limits = settings()
    st.markdown(
        f"Up to {limits.max_photos:,} photos in one go, {limits.max_upload_mb} MB each and {limits.session_upload_mb} MB"
        " together. You get a table of all answers, to sort, filter and download."
    )
    way = st.segmented_control(
        "What do you have?", [_FILES, _FOLDER, _ZIP], default=_FILES, required=True, key="batch-way"
    )
    sources, others = _zipped() if way == _ZIP else _uploaded(folder=way == _FOLDER)
    if others:
        st.caption(f"{words.counted(others, 'other file is', 'other files are')} left out: not photos.")
    if len(sources) > limits.max_photos:
        st.warning(
            f"**{len(sources):,} photos are too many for one batch.** The first {limits.max_photos:,} are taken.",
            icon=":material/info:",
        )
        sources = sources[: limits.max_photos]
    label = f"Classify {words.counted(len(sources), 'photo')}" if sources else "Classify"
    pressed = st.button(
        label, type="primary", icon=":material/search:", disabled=not sources, shortcut="Enter", key="start"
    )
    if waiting.is_wanted("batch", pressed) and sources:
        _start(sources)
    waiting.fulfilled("batch")


def _uploaded(*, folder: bool) -> tuple[list[Source], int]:
    limit, version = settings().max_upload_mb, st.session_state.get("batch_version", 0)
    if folder:
        files = st.file_uploader(
            "A folder, with everything in it. Other files than photos stay where they are.",
            type=TYPES,
            accept_multiple_files="directory",
            max_upload_size=limit,
            key=f"folder-{version}",
        )
    else:
        files = st.file_uploader(
            "Photos: choose or drop as many as you like.",
            type=TYPES,
            accept_multiple_files=True,
            max_upload_size=limit,
            key=f"files-{version}",
        )
    st.session_state["batch_uploads"] = files
    return from_uploads(sorted(files, key=lambda file: file.name) if folder else files)


def _zipped() -> tuple[list[Source], int]:
    limits, version = settings(), st.session_state.get("batch_version", 0)
    file = st.file_uploader(
        f"A zip of photos, up to {limits.max_upload_mb} MB. For more, choose the folder itself.",
        type=["zip"],
        max_upload_size=limits.max_upload_mb,
        key=f"zip-{version}",
    )
    st.session_state["batch_uploads"] = [] if file is None else [file]
    if file is None:
        return [], 0
    try:
        contents = open_zip(file.getvalue(), max_photos=limits.max_photos, max_bytes=limits.max_upload_bytes)
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


def _start(sources: list[Source]) -> None:
    try:
        ask = waiting.patiently(lambda: backend.asker(patient=False))
    except ClientError as error:
        problem = words.explain(error)
        st.error(f"**{problem.what}** {problem.do}", icon=":material/error:")
        return
    files: Sequence[UploadedFile] = st.session_state.pop("batch_uploads", [])
    # Booked before they are freed: the batch holds the same bytes, each photo's until it is answered, a zip's until all are.
    mine = account()
    held = mine.book(sum(source.holds for source in sources) or sum(file.size for file in files))
    free(files)
    st.session_state["batch_version"] = st.session_state.get("batch_version", 0) + 1
    limits = settings()
    job = Job(sources, ask, parallel=limits.parallel, everyone=_everyone(), account=mine, held=held, spare=Spare(mine))
    sessions().belongs(mine.session, job)
    job.start()
    st.session_state["batch"] = job
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
