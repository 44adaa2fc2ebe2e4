"""What became of a batch's photos, and how the batch stands."""

from dataclasses import dataclass
from enum import StrEnum

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Prediction
from sightserve.frontend.inbox.sources import Source
from sightserve.frontend.shared.preview import Pictures
from sightserve.frontend.shared.words import Message


class State(StrEnum):
    """Where a batch stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    GAVE_UP = "gave up"  # the backend refused everything for too long
    ABANDONED = "abandoned"  # nobody looked any more


@dataclass(frozen=True, slots=True)
class Outcome:
    """One photo of a batch: either its prediction or what went wrong.

    Attributes:
        problem: in words.
        code: its stable name: the backend's, or one that `sightserve batch` has too.
        pictures: of it, where it can be shown.
        again: the photo, where what went wrong was not the photo's fault: it is kept to be asked about again.
    """

    index: int
    name: str
    size: int
    prediction: Prediction | None = None
    problem: Message | None = None
    code: str = ErrorCode.INTERNAL
    pictures: Pictures | None = None
    again: Source | None = None

    @property
    def shown_bytes(self) -> int:
        """How many bytes its pictures have."""
        return len(self.pictures.preview) + len(self.pictures.thumbnail) if self.pictures else 0


@dataclass(frozen=True, slots=True)
class View:
    """A batch as it is at one moment.

    Attributes:
        rate: photos per second over the last seconds.
        seconds_left: at that rate; None where there is none yet.
        held: seconds until the backend may be asked again, because it asked for time.
        seconds: for which photos were asked about so far.
    """

    state: State
    total: int
    outcomes: list[Outcome]
    rate: float
    seconds_left: float | None
    held: float
    seconds: float

    @property
    def done(self) -> int:
        """How many photos have an outcome."""
        return len(self.outcomes)

    @property
    def failed(self) -> int:
        """How many of them are errors."""
        return sum(outcome.problem is not None for outcome in self.outcomes)

    @property
    def repeatable(self) -> int:
        """How many of the errors may well go away when they are asked about again."""
        return sum(outcome.again is not None for outcome in self.outcomes)
