"""The process that reads a stranger's video: `python -m sightserve.video.worker.main`, the task as JSON on stdin.

It decodes, and encodes the annotated video. What a stranger's bytes can crash, hang or fill is this process; it asks nobody
for anything, and our own (`process.py`) ends it.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from sightserve.video import wire
from sightserve.video.errors import VideoError
from sightserve.video.limits import Limits


def main() -> int:
    """Do the one task, and say how it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for our own process, which ends this one
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no message
    task = json.loads(sys.stdin.buffer.readline())
    limits = Limits(**task["limits"])
    _bound(limits)
    try:
        if task["do"] == "sample":
            _sample(task, limits, out)
        else:
            _burn(task, limits, out)
    except VideoError as error:
        wire.send(out, {"type": "error", "code": error.code, "message": str(error)})
    except MemoryError:
        message = "this video needs more memory than there is for it"
        wire.send(out, {"type": "error", "code": "video_too_large", "message": message})
    except BrokenPipeError:
        return 1  # nobody listens any more
    return 0


def _bound(limits: Limits) -> None:
    with suppress(ImportError, ValueError, OSError):  # not every system bounds these
        import resource  # noqa: PLC0415 - POSIX only

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output_bytes, limits.output_bytes))
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))


def _sample(task: dict[str, Any], limits: Limits, out: BinaryIO) -> None:
    """Send the frame on screen at each moment, as the model needs it."""
    from sightserve.video.facts import Wanted  # noqa: PLC0415 - after the limits are set
    from sightserve.video.worker.frames import Shrinker  # noqa: PLC0415
    from sightserve.video.worker.reader import Shown, Video, open_video  # noqa: PLC0415
    from sightserve.video.worker.sampling import on_screen  # noqa: PLC0415

    def bounded(video: Video) -> Any:  # noqa: ANN401
        for count, shown in enumerate(video.frames()):
            if count > limits.frames_per_second * (limits.seconds + 1):
                raise VideoError("this video has more frames than can be shown in its time")
            yield shown.time, shown.seconds, shown

    shrinker = Shrinker(Wanted(**task["wanted"]))
    with Path(task["source"]).open("rb") as file, open_video(file, limits) as (video, facts):
        wire.send(out, {"type": "opened", "facts": asdict(facts)})
        ratio = video.stream.sample_aspect_ratio
        shown: Shown
        for sample, shown in on_screen(bounded(video), task["rate"]):
            jpeg = shrinker.jpeg(shown.frame, ratio) if sample.fresh else b""
            wire.send(out, {"type": "frame", "time": sample.time}, jpeg)
        wire.send(out, {"type": "done", "end": video.end, "damaged": video.damaged})


def _burn(task: dict[str, Any], limits: Limits, out: BinaryIO) -> None:
    """Write the annotated video."""
    from sightserve.video.timeline import Segment  # noqa: PLC0415
    from sightserve.video.worker.burn import burn  # noqa: PLC0415

    segments = [Segment(**segment) for segment in task["segments"]]
    note = burn(
        Path(task["source"]),
        Path(task["target"]),
        segments,
        limits=limits,
        font=task.get("font"),
        progress=lambda time, end: wire.send(out, {"type": "progress", "time": time, "end": end}),
    )
    wire.send(out, {"type": "done", **note})


if __name__ == "__main__":
    sys.exit(main())
