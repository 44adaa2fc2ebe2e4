"""Where a piece of a video's work stands: its labelling, or the annotated one in the making."""

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sightserve.frontend.shared.ledger import Booking
from sightserve.frontend.shared.words import Message
from sightserve.video.timeline import Segment


class State(StrEnum):
    """Where a piece of work stands."""

    WAITING = "waiting"  # for its turn: other people's videos are under way
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(slots=True)
class Work:
    """One piece of work in a thread, as it is now.

    Attributes:
        state: where it stands.
        problem: what it failed of.
        can_go_on: whether it is worth going on with: it was stopped, or failed through no fault of the video.
        started: when its turn came, by the clock.
        stop: set to end it.
    """

    state: State = State.WAITING
    problem: Message | None = None
    can_go_on: bool = False
    started: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more."""
        return self.state in {State.DONE, State.STOPPED, State.FAILED}


@dataclass(slots=True)
class Export(Work):
    """An annotated video in the making.

    Attributes:
        target: the file.
        booking: of its bytes.
        segments: what it was made from; a threshold that gives others gives another video.
        time: how far it is, seconds.
        secret: of its address, once it is done.
        size: bytes, once it is done.
        audio: what became of each audio stream.
    """

    target: Path = field(kw_only=True)
    booking: Booking = field(kw_only=True)
    segments: list[Segment] = field(default_factory=list)
    time: float = 0.0
    secret: str = ""
    size: int = 0
    audio: tuple[str, ...] = ()
