"""Segments -> the annotated MP4, written by the worker's process; no half-written file is left behind."""

import threading
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sightserve.video import process
from sightserve.video.errors import CannotWrite
from sightserve.video.limits import Limits
from sightserve.video.timeline import Segment


@dataclass(frozen=True, slots=True)
class Written:
    """How far it is.

    Attributes:
        time: of the last picture written, seconds.
        audio: once it is done: what became of each audio stream.
        done: whether the file is complete.
    """

    time: float
    audio: tuple[str, ...] = ()
    done: bool = False


def annotate(
    source: Path,
    target: Path,
    segments: Sequence[Segment],
    *,
    limits: Limits | None = None,
    font: str | None = None,
    stop: threading.Event | None = None,
) -> Generator[Written, None, None]:
    """Write the annotated video; yield now and then how far it is, and at last that it is done.

    Args:
        source: the video.
        target: where to; a file of that name is replaced, at the very end.
        segments: what to write on it, as `timeline.segments` gives them.
        limits: of the source.
        font: path of a font file for the labels; one that fits is looked for where it is None.
        stop: set from any thread to end it early.

    Raises:
        VideoError: it cannot be read or written; `Cancelled` after `stop`.
    """
    part = target.with_name(target.name + ".part")
    task = {
        "do": "burn",
        "source": str(source),
        "target": str(part),
        "segments": [asdict(replace(segment, parts=())) for segment in segments],
        "font": font,
    }
    try:
        for message in process.run(task, limits or Limits(), stop or threading.Event()):
            if message.content["type"] == "progress":
                yield Written(message.content["time"])
            else:
                part.replace(target)
                yield Written(segments[-1].end if segments else 0.0, tuple(message.content["audio"]), done=True)
    except OSError as exc:
        raise CannotWrite(f"{target} cannot be written: {exc.strerror or exc}") from exc
    finally:
        part.unlink(missing_ok=True)
