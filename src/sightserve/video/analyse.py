"""Video -> [predictions over time]: frames come from the worker's process, and go to a function that classifies them."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sightserve.video import process
from sightserve.video.errors import NoPicture
from sightserve.video.facts import Facts
from sightserve.video.limits import Limits
from sightserve.video.timeline import Guess, Moment

Classify = Callable[[bytes], tuple[Guess, ...]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known so far.

    Attributes:
        facts: what the video is.
        moments: what the model said, in order of time.
        end: seconds: until when the last picture is on screen; where the last moment is, as long as there are more to come.
        damaged: how many packets could not be decoded.
        complete: whether the video was read to its end.
        cut_off: whether its picture ends before the file says it does: it was cut off on its way here, or is damaged.
        picture: the last frame, a JPEG as the model got it.
        exclusive: whether one label is right at a time, or several may be.
    """

    facts: Facts
    moments: list[Moment] = field(default_factory=list)
    end: float = 0.0
    damaged: int = 0
    complete: bool = False
    cut_off: bool = False
    picture: bytes = b""
    exclusive: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """How to look at a video.

    Attributes:
        looks: how a picture becomes the model's input, as `imaging.geometry.input_geometry` takes it.
        rate: moments a second.
        parallel: how many frames are classified at once.
        limits: what to refuse.
        exclusive: whether one of the model's labels is right, or several may be.
    """

    looks: Mapping[str, Any]
    rate: float = 4.0
    parallel: int = 4
    limits: Limits = field(default_factory=Limits)
    exclusive: bool = True


def analyse(
    source: Path, classify: Classify, plan: Plan, stop: threading.Event | None = None, known: Seen | None = None
) -> Iterator[Seen]:
    """Classify the frame on screen at each moment; yield what is known after each.

    Decoding and classifying run side by side, and frames in memory are bounded by twice `plan.parallel`: a slow classifier
    slows the decoder, and a long video takes no more memory than a short one (but for its predictions).

    Args:
        source: the video.
        classify: a JPEG's labels, most probable first; called in several threads at once. What it raises ends the analysis.
        plan: how.
        stop: set from any thread to end it early.
        known: what an analysis of the same video, with the same plan, saw before it was stopped: this one goes on from there.

    Raises:
        VideoError: what is wrong with the video; `Cancelled` after `stop`.
    """
    stop = stop or threading.Event()
    task: dict[str, Any] = {
        "do": "sample",
        "source": str(source),
        "rate": plan.rate,
        "looks": dict(plan.looks),
        "after": known.moments[-1].time if known is not None and known.moments else None,
    }
    pending: deque[tuple[dict[str, Any], bytes, Future[tuple[Guess, ...]]]] = deque()
    latest: Future[tuple[Guess, ...]] | None = None
    seen: Seen | None = None
    with ThreadPoolExecutor(plan.parallel, thread_name_prefix="video") as pool:
        try:
            for message in process.run(task, plan.limits, stop):
                body = message.content
                if body["type"] == "opened":
                    facts = Facts(**{**body["facts"], "audio": tuple(body["facts"]["audio"])})
                    seen = known or Seen(facts, exclusive=plan.exclusive)
                    yield seen
                elif body["type"] == "frame":
                    if message.attached or latest is None:
                        latest = pool.submit(classify, message.attached)
                    pending.append((body, message.attached, latest))
                    while seen is not None and pending and (pending[0][2].done() or len(pending) >= 2 * plan.parallel):
                        yield (seen := _with(seen, *pending.popleft()))
                elif body["type"] == "done" and seen is not None:
                    while pending:
                        yield (seen := _with(seen, *pending.popleft()))
                    if not seen.moments:
                        raise NoPicture("not one picture of this video can be read")
                    damaged = max(seen.damaged, body["damaged"])
                    yield replace(seen, end=body["end"], damaged=damaged, cut_off=body["cut_off"], complete=True)
        except BaseException:
            stop.set()  # who waits for the classifier in our threads gives up too
            raise
        finally:
            for _, _, future in pending:
                future.cancel()


def _with(seen: Seen, frame: Mapping[str, Any], picture: bytes, future: Future[tuple[Guess, ...]]) -> Seen:
    # one list for all: a copy each time would be quadratic
    seen.moments.append(Moment(frame["time"], future.result(), frame["cut"]))
    damaged = max(seen.damaged, frame["damaged"])
    return replace(seen, end=frame["time"], damaged=damaged, picture=picture or seen.picture)
