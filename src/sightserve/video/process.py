"""The worker's process from our side: given a task, listened to, and ended when it hangs or nobody wants its work any more."""

import threading
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sightserve.sandbox.conversation import ChildLost, ChildSilent, Conversation, Stopped
from sightserve.sandbox.process import spawn
from sightserve.sandbox.wire import Message
from sightserve.video.errors import BY_CODE, Cancelled, VideoError, WorkerLost
from sightserve.video.limits import Limits


def run(task: dict[str, Any], limits: Limits, stop: threading.Event) -> Iterator[Message]:
    """Do a task in a process of its own and yield what it says, up to and including the message "done".

    The pipe between is short: a worker that is ahead of us waits. The process is gone when this iterator is, however it ends.

    Raises:
        VideoError: what the worker says is wrong with the video.
        WorkerLost: it died, or said nothing for too long.
        Cancelled: `stop` was set.
    """
    with Conversation(spawn("sightserve.video.worker.main"), stop) as worker:
        try:
            worker.send(task | {"limits": asdict(limits)})
            while True:
                message = worker.receive(quiet=limits.quiet_seconds)
                if message.content["type"] == "error":
                    raise BY_CODE.get(message.content["code"], VideoError)(message.content["message"])
                yield message
                if message.content["type"] == "done":
                    return
        except ChildSilent as exc:
            quiet = f"{limits.quiet_seconds:.0f} seconds"
            raise WorkerLost(f"this video keeps its reader busy for more than {quiet} at one place") from exc
        except ChildLost as exc:
            raise WorkerLost("this video crashed its reader: it is damaged, or made to do that") from exc
        except Stopped as exc:
            raise Cancelled("stopped") from exc
