"""The process that reads a stranger's video. Its task is the first message on its connection, what it finds the others.

It decodes, and encodes the annotated video. What a stranger's bytes can crash, hang or fill is this process; it asks nobody
for anything, and our own (`video/process.py`) ends it.
"""

import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sightserve.sandbox import child
from sightserve.sandbox.wire import message, receive
from sightserve.video.errors import VideoError
from sightserve.video.limits import Limits


def main() -> int:
    """Do the one task, and say how it went."""
    connection = child.connect()
    try:
        _do(connection)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return 1  # nobody listens any more
    return 0


def _do(connection: socket.socket) -> None:
    task = receive(connection)
    limits = Limits(**task["limits"])
    child.bound(memory=limits.memory, file_size=limits.output_bytes)
    try:
        if task["do"] == "sample":
            _sample(task, limits, connection)
        else:
            _burn(task, limits, connection)
    except VideoError as error:
        _tell(connection, {"type": "error", "code": error.code, "message": str(error)})
    except MemoryError:
        reason = "this video needs more memory than there is for it"
        _tell(connection, {"type": "error", "code": "video_too_large", "message": reason})


def _tell(connection: socket.socket, content: dict[str, object], attached: bytes = b"") -> None:
    connection.sendall(message(content, attached))


def _sample(task: dict[str, Any], limits: Limits, connection: socket.socket) -> None:
    """Send the frame on screen at each moment after `task["after"]`, as the model needs it."""
    from sightserve.imaging.geometry import input_geometry  # noqa: PLC0415 - after the limits are set
    from sightserve.video.worker.cuts import Cuts  # noqa: PLC0415
    from sightserve.video.worker.frames import Shrinker  # noqa: PLC0415
    from sightserve.video.worker.playback import Shown, Video  # noqa: PLC0415
    from sightserve.video.worker.reader import open_video  # noqa: PLC0415
    from sightserve.video.worker.sampling import on_screen  # noqa: PLC0415

    def bounded(video: Video) -> Any:  # noqa: ANN401
        for count, shown in enumerate(video.frames(after or 0.0)):
            if count > limits.frames_per_second * (limits.seconds + 1):
                raise VideoError("this video has more frames than can be shown in its time")
            cuts.see(shown.time, shown.frame)
            yield shown.time, shown.seconds, shown

    after: float | None = task["after"]
    shrinker, cuts = Shrinker(input_geometry(task["looks"])), Cuts()
    with Path(task["source"]).open("rb") as file, open_video(file, limits) as (video, facts):
        _tell(connection, {"type": "opened", "facts": asdict(facts)})
        ratio = video.stream.sample_aspect_ratio
        shown: Shown
        first = True
        for sample, shown in on_screen(bounded(video), task["rate"], lambda: video.shown_until):
            cut = cuts.until(sample.time)
            if after is not None and sample.time <= after + 1e-6:
                _tell(connection, {"type": "passed"})  # or we would count as hung
                continue
            jpeg = shrinker.jpeg(shown.frame, ratio) if sample.fresh or first else b""
            first = False
            _tell(connection, {"type": "frame", "time": sample.time, "cut": cut, "damaged": video.damaged}, jpeg)
        _tell(
            connection, {"type": "done", "end": video.shown_until, "cut_off": video.cut_off, "damaged": video.damaged}
        )


def _burn(task: dict[str, Any], limits: Limits, connection: socket.socket) -> None:
    """Write the annotated video."""
    from sightserve.video.timeline import Segment  # noqa: PLC0415
    from sightserve.video.worker.burn import burn  # noqa: PLC0415

    segments = [Segment(**{**segment, "parts": ()}) for segment in task["segments"]]
    note = burn(
        Path(task["source"]),
        Path(task["target"]),
        segments,
        limits=limits,
        font=task.get("font"),
        progress=lambda time, end: _tell(connection, {"type": "progress", "time": time, "end": end}),
    )
    _tell(connection, {"type": "done", **note})


if __name__ == "__main__":
    sys.exit(main())
