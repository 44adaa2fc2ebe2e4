"""How fast somebody with many photos may ask: pure decisions, told what happened and what time it is."""

from dataclasses import dataclass, field
from typing import Final

_FIRST_WAIT: Final = 1.0  # seconds, where the backend does not say how long
_LONGEST_WAIT: Final = 30.0


@dataclass(slots=True)
class Pace:
    """Halves the number of parallel requests when the backend is busy, and feels its way up again when it is not.

    Attributes:
        most: parallel requests at most.
        patience: seconds of nothing but refusals after which a batch gives up.
    """

    most: int
    patience: float = 120.0
    _allowed: float = field(init=False)
    _hold_until: float = field(init=False, default=float("-inf"))
    _trouble_since: float | None = field(init=False, default=None)
    _refusals: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._allowed = float(self.most)

    @property
    def allowed(self) -> int:
        """How many requests may be under way at once right now."""
        return max(1, int(self._allowed))

    def may_start(self, now: float, under_way: int) -> bool:
        """Return whether another request may start."""
        return self.held(now) == 0 and under_way < self.allowed

    def held(self, now: float) -> float:
        """Return the seconds until the next request may start, because the backend asked for time."""
        return max(0.0, self._hold_until - now)

    def answered(self) -> None:
        """Take note that the backend did its work: one more request in parallel after as many answers."""
        self._allowed = min(float(self.most), self._allowed + 1 / self._allowed)
        self._trouble_since, self._refusals = None, 0

    def refused(self, now: float, retry_after: float | None) -> None:
        """Take note that the backend is busy or away; nobody asks again before it says, or before a growing pause."""
        if self.held(now) == 0:  # the others that were under way hear the same: that is one refusal, not four
            self._allowed = max(1.0, self._allowed / 2)
            self._refusals += 1
        if self._trouble_since is None:
            self._trouble_since = now
        pause = _FIRST_WAIT * 2 ** min(self._refusals - 1, 10) if retry_after is None else retry_after
        self._hold_until = max(self._hold_until, now + min(max(pause, 0.05), _LONGEST_WAIT))

    def is_hopeless(self, now: float) -> bool:
        """Return whether the backend has refused everything for longer than anyone waits."""
        return self._trouble_since is not None and now - self._trouble_since > self.patience
