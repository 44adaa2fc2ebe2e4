"""The Video page: choose a video, watch it being labelled, see it play with the labels on it, take it along."""

import importlib.util
import logging
import threading
from pathlib import Path, PurePosixPath
from typing import Final

import streamlit as st

from sightserve.api.rows import APPLIES
from sightserve.client import ClientError
from sightserve.client.patience import Patience
from sightserve.frontend.inbox import widget
from sightserve.frontend.inbox.store import Pick, inbox
from sightserve.frontend.inbox.widget import NOTHING, VIDEOS, Came, Texts
from sightserve.frontend.shared import head, pages, waiting, words
from sightserve.frontend.shared.kinds import NONE_APPLIES
from sightserve.frontend.shared.ledger import NoRoom, account
from sightserve.frontend.shared.preview import data_url
from sightserve.frontend.shared.sessions import sessions
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.video import problems, result
from sightserve.frontend.video.asking import frame_asker
from sightserve.frontend.video.labelling import Labelling
from sightserve.frontend.video.threshold import threshold
from sightserve.frontend.video.work import State
from sightserve.installing import more
from sightserve.video.analyse import Classify, Plan, Seen
from sightserve.video.limits import Limits
from sightserve.video.timeline import DEFAULT_SMOOTHING

_log = logging.getLogger(__name__)

_LOOK_EVERY: Final = 0.5  # seconds
_LABELS: Final = 10  # asked for each frame
_PLACE: Final = "video"
_MEANT_FOR: Final = {"photo": ("photo", "To the Photo page"), "archive": ("batch", "To the Batch page")}
_SAMPLE: Final = Path(__file__).parents[1] / "samples" / "tour.mp4"
_RATES: Final = [1, 2, 4, 8]


def page() -> None:
    """Draw the page."""
    head.draw(
        "What happens in this video?",
        "You see it play with its labels, can go to any moment, and take it home as a file.",
    )
    if importlib.util.find_spec("av") is None:
        st.info(
            f"**This installation does not read videos.** Whoever runs this app can add that with (`{more('video')}`).",
            icon=":material/extension:",
        )
        return
    labelling: Labelling | None = st.session_state.get("labelling")
    if labelling is None:
        _begin()
    elif not labelling.work.is_over:
        _running()
    else:
        _ended(labelling)


def limits() -> Limits:
    """Return what is refused here."""
    return Limits(seconds=60.0 * settings().max_video_minutes)


def _begin() -> None:
    wanted = settings()
    pick = inbox().pick(_PLACE)
    here = pick is not None and pick.is_whole and bool(pick.files())
    _refusals()
    texts = Texts(
        invite="Choose a video",
        how="or drop one anywhere on this page",
        limits=f"Up to {wanted.max_video_mb} MB and {wanted.max_video_minutes} minutes",
        choose="Another video" if here else "Choose a video",
    )
    widget.draw(_PLACE, texts, kinds=["video"], most=1, pick=pick.number if pick and here else 0,
                on_came=_came, on_removed=lambda: inbox().clear(_PLACE))  # fmt: skip
    left, right = st.columns(2, gap="large")
    with left:
        rate = st.segmented_control(
            "Frames to look at, a second",
            _RATES,
            default=4,
            required=True,
            format_func=str,
            key="video-rate",
            help="More finds shorter things, and takes as much longer.",
        )
    with right:
        threshold()
    with st.container(horizontal=True):
        own = st.button(
            "Label the video",
            type="primary",
            icon=":material/movie:",
            disabled=not here,
            shortcut="Enter",
            key="start",
        )
        sample = st.button("Try the sample video", icon=":material/play_circle:", key="sample-video")
    if pick is not None and here and waiting.is_wanted("video", own):
        _start(pick, rate or 4)
    elif waiting.is_wanted("sample-video", sample):
        _start(None, rate or 4)
    waiting.fulfilled("video", "sample-video")
    st.caption(
        "The video is kept in a temporary file while this page is open, and its frames are sent to the classifier as small"
        f" pictures. {wanted.gone_after} after it was closed, nothing of it is left here."
    )


def _came() -> None:
    st.session_state["video-came"] = widget.came(_PLACE)


def _refusals() -> None:
    """Say what did not come in."""
    came: Came = st.session_state.get("video-came", NOTHING)
    for refusal in came.refused:
        st.error(f"**{words.plain(refusal.name)}**: {widget.explain(refusal, _PLACE)}", icon=":material/error:")
        if refusal.why in _MEANT_FOR:
            pages.link(*_MEANT_FOR[refusal.why])


@st.cache_resource(show_spinner=False)
def _turns() -> threading.Semaphore:
    """Bounds how many videos are read or written at once."""
    return threading.Semaphore(settings().videos)


@st.cache_resource(show_spinner=False)
def _everyone() -> threading.Semaphore:
    """Bounds what all sessions' videos together have under way at the backend."""
    return threading.Semaphore(settings().total_parallel)


def _start(pick: Pick | None, rate: int) -> None:
    """Have a video labelled: the one that came in, or the sample."""
    name = _SAMPLE.name if pick is None else pick.files()[0].name
    labelling: Labelling | None = None

    def prepare(patience: Patience) -> tuple[Classify, Plan]:
        classify, model = waiting.patiently(lambda: frame_asker(patience, _LABELS))
        exclusive = model.outputs == "exclusive"
        return classify, Plan(model.looks(), float(rate), settings().parallel, limits(), exclusive)

    try:
        mine = account()
        labelling = Labelling(name, _suffix(name), _turns(), mine)
        sessions().belongs(mine.session, labelling)
        if pick is None:
            labelling.store(_SAMPLE.read_bytes())
        else:
            labelling.adopt(pick.hand_over(0))
        labelling.start(prepare, settings().parallel, _everyone())
    except (ClientError, OSError, NoRoom) as error:
        if labelling is not None:
            labelling.close()
        if not isinstance(error, ClientError):
            _log.warning("no room for a video: %s", error)
        problem = words.explain(error) if isinstance(error, ClientError) else problems.NO_ROOM
        st.error(f"**{problem.what}** {problem.do}", icon=":material/error:")
        return
    inbox().clear(_PLACE)
    st.session_state["labelling"] = labelling
    st.session_state.pop("seek", None)
    waiting.fulfilled("video", "sample-video")
    st.rerun()


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix.removeprefix(".") in VIDEOS else ".bin"


@st.fragment(run_every=_LOOK_EVERY)
def _running() -> None:
    """Draw a video that is under way; this part of the page looks again by itself."""
    labelling: Labelling | None = st.session_state.get("labelling")
    if labelling is None or labelling.work.is_over:
        st.rerun()
    seen = labelling.look()
    with st.container(horizontal=True, vertical_alignment="bottom", key="video-head"):
        with st.container(width="stretch"):
            st.progress(_share(seen), _progress(labelling, seen))
        if st.button("Cancel", icon=":material/close:", key="cancel-video", shortcut="Esc"):
            labelling.work.stop.set()
    if labelling.patience is not None and labelling.patience.held > 0:
        st.info(
            f"The classifier is busy or restarting: going on in {words.duration(labelling.patience.held)}.",
            icon=":material/hourglass:",
        )
    with st.container(key="video-looking"):
        picture, answer = st.columns([3, 2], gap="large", vertical_alignment="center")
    if seen is not None and seen.picture:
        with picture, st.container(key="frame"):
            st.image(data_url(seen.picture), alt="The frame that is being looked at", width="stretch")
    with answer:
        if seen is not None:
            _now(seen)
        threshold()


def _now(seen: Seen) -> None:
    if not seen.moments or not seen.moments[-1].guesses:
        return
    best = seen.moments[-1].guesses[0]
    several = [guess.label for guess in seen.moments[-1].guesses if guess.probability >= APPLIES]
    with st.container(gap=None):
        st.caption(f"At {words.clock(seen.moments[-1].time)} the model sees")
        st.header(words.plain(best.label if seen.exclusive else ", ".join(several) or NONE_APPLIES), anchor=False)
    st.progress(best.probability, words.percent(best.probability))


def _share(seen: Seen | None) -> float:
    if seen is None or not seen.facts.seconds:
        return 0.0
    return min(1.0, seen.end / seen.facts.seconds)


def _progress(labelling: Labelling, seen: Seen | None) -> str:
    if labelling.work.state is State.WAITING:
        return "**Waiting for its turn:** other people's videos are under way."
    if seen is None:
        return "**Opening the video ...**"
    length = words.clock(seen.facts.seconds) if seen.facts.seconds else "?"
    parts = [f"**{words.clock(seen.end)} of {length}**", words.counted(len(seen.moments), "frame")]
    rate = labelling.rate()
    if rate > 0:
        parts.append(f"{rate:.0f} a second")
        if seen.facts.seconds and len(seen.moments) > 1 and seen.end > 0:
            left = (seen.facts.seconds - seen.end) * (len(seen.moments) / seen.end) / rate
            parts.append(f"{words.duration(left)} left")
    return " · ".join(parts)


def _ended(labelling: Labelling) -> None:
    """Say how it ended, and show what is known."""
    seen = labelling.look()
    with st.container(horizontal=True, vertical_alignment="center", key="video-head"):
        with st.container(width="stretch"):
            _outcome(labelling, seen)
        on = labelling.work.can_go_on and st.button(
            "Go on", type="primary", icon=":material/play_arrow:", key="go-on-video"
        )
        st.button("Another video", icon=":material/add:", on_click=_forget, key="another-video")
    if waiting.is_wanted("go-on-video", on) and labelling.work.can_go_on:
        _go_on(labelling)
    if seen is not None and seen.moments:
        result.draw(labelling, limits(), threshold, smoothing=DEFAULT_SMOOTHING)


def _outcome(labelling: Labelling, seen: Seen | None) -> None:
    work = labelling.work
    labelled = words.clock(seen.end) if seen is not None else "0:00.0"
    if work.problem is not None:
        st.error(f"**{work.problem.what}** {work.problem.do}", icon=":material/error:")
    elif work.state is State.STOPPED and (seen is None or not seen.moments):
        st.warning("**Stopped**, before anything was labelled.", icon=":material/pause_circle:")
    elif work.state is State.STOPPED:
        whole = f" of {words.clock(seen.facts.seconds)}" if seen is not None and seen.facts.seconds else ""
        st.warning(f"**Stopped.** The first {labelled}{whole} are labelled.", icon=":material/pause_circle:")
    elif seen is not None and seen.cut_off:
        announced = words.clock(seen.facts.seconds or 0)
        st.warning(
            f"**This video is cut off:** it ends after {labelled} of {announced}. What could be read is labelled.",
            icon=":material/content_cut:",
        )
    elif seen is not None and seen.damaged:
        st.warning("**Parts of this video are damaged.** What could be read is labelled.", icon=":material/healing:")
    else:
        st.markdown(f"**{words.plain(labelling.name)}** · {labelled}")


def _go_on(labelling: Labelling) -> None:
    try:
        labelling.go_on()
    except ClientError as error:
        problem = words.explain(error)
        st.error(f"**{problem.what}** {problem.do}", icon=":material/error:")
        return
    finally:
        waiting.fulfilled("go-on-video")
    st.rerun()


def _forget() -> None:
    waiting.fulfilled("go-on-video")
    labelling: Labelling | None = st.session_state.pop("labelling", None)
    if labelling is not None:
        labelling.close()
