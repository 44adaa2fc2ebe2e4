"""One request's place in the queue, and what the queue says about places."""

import enum
import math
from dataclasses import dataclass


class State(enum.Enum):
    """Where a request is."""

    UPLOADING = "uploading"
    HELD = "held"
    QUEUED = "queued"
    RUNNING = "running"
    GONE = "gone"


class Reason(enum.StrEnum):
    """Why a request was refused: the label of the metric."""

    TOO_MANY_REQUESTS = "queue_full"
    TOO_MANY_BYTES = "bytes_full"
    TOO_MANY_UPLOADS = "uploads_full"
    TOO_SLOW = "slow_upload"
    TOO_LATE = "deadline"


@dataclass(slots=True, eq=False)
class Ticket:
    """One request's place.

    Attributes:
        patience: seconds that it has from the arrival of its whole body.
        since: when it entered its state.
        announced: bytes that its body will have, as far as it says; 0 where it does not.
        size: bytes of its body that have arrived.
        deadline: when its answer would be too late.
        number: in the order of arrival.
        pixels: that its decoding holds in memory, where a slot has said that these are more than it may; else 0.
        weight: how much of an upload counts as work that is about to arrive; below 0: it does not count any more.
        begun: that is all of it, because it has only just begun.
        isolated: it runs by itself, because a slot died while it worked on this and others.
        wanted: somebody waits for its answer.
    """

    patience: float
    since: float
    announced: int = 0
    size: int = 0
    deadline: float = math.inf
    number: int = 0
    pixels: int = 0
    weight: float = 0.0
    begun: bool = False
    isolated: bool = False
    wanted: bool = True
    state: State = State.UPLOADING


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no place, and in how many seconds there will be one."""

    reason: Reason
    retry_after: float


@dataclass(frozen=True, slots=True)
class Start:
    """Run these now, together.

    Attributes:
        tickets: usually one.
        alone: nothing else is in flight.
        room: pixels that the slot may hold in memory for them.
    """

    tickets: list[Ticket]
    alone: bool
    room: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to start; ask again at `until`, or when something changes."""

    until: float = math.inf
