"""The worker's process from our side: started, listened to, and killed when it hangs or nobody wants its work any more."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import IO, Any, Final, cast

from sightserve.video import wire
from sightserve.video.errors import BY_CODE, Cancelled, VideoError, WorkerLost
from sightserve.video.limits import Limits
from sightserve.video.wire import Message

_LOOK_EVERY: Final = 0.1  # seconds; so long it takes until a cancelled worker is killed
_CHUNK: Final = 1 << 16


def run(task: dict[str, Any], limits: Limits, stop: threading.Event) -> Iterator[Message]:
    """Do a task in a process of its own and yield what it says, up to and including the message "done".

    The pipe between is short: a worker that is ahead of us waits. The process is gone when this iterator is, however it ends.

    Raises:
        VideoError: what the worker says is wrong with the video.
        WorkerLost: it died, or said nothing for too long.
        Cancelled: `stop` was set.
    """
    command = [sys.executable, "-P", "-m", "sightserve.video.worker.main"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own module
    try:
        _give(cast("IO[bytes]", process.stdin), task | {"limits": asdict(limits)})
        yield from _listen(cast("IO[bytes]", process.stdout), limits.quiet_seconds, stop)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _give(pipe: IO[bytes], task: dict[str, Any]) -> None:
    try:
        pipe.write(json.dumps(task).encode() + b"\n")
        pipe.flush()
    except BrokenPipeError as exc:
        raise WorkerLost("the video reader did not start") from exc


def _listen(pipe: IO[bytes], quiet_seconds: float, stop: threading.Event) -> Iterator[Message]:
    arrived = bytearray()
    heard = time.monotonic()
    while True:
        while (message := _take(arrived)) is not None:
            if message.body["type"] == "error":
                raise BY_CODE.get(message.body["code"], VideoError)(message.body["message"])
            yield message
            heard = time.monotonic()  # what we did with it is not the worker's time
            if message.body["type"] == "done":
                return
        if stop.is_set():
            raise Cancelled("stopped")
        if not select.select([pipe], [], [], _LOOK_EVERY)[0]:
            if time.monotonic() - heard > quiet_seconds:
                raise WorkerLost(
                    f"this video keeps its reader busy for more than {quiet_seconds:.0f} seconds at one place"
                )
            continue
        chunk = os.read(pipe.fileno(), _CHUNK)
        if not chunk:
            raise WorkerLost("this video crashed its reader: it is damaged, or made to do that")
        arrived += chunk
        heard = time.monotonic()


def _take(arrived: bytearray) -> Message | None:
    try:
        return wire.take(arrived)
    except ValueError as exc:
        raise WorkerLost("the video reader does not make sense any more") from exc
