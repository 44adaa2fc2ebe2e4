"""How fast somebody with many photos may ask: pure decisions, told what happened and what time it is."""

from dataclasses import dataclass, field

from sightserve.client.errors import ClientError
from sightserve.client.retry import FOR_WORK, Retry, is_absent, is_temporary


@dataclass(slots=True)
class Pace:
    """Halves the number of parallel requests when the backend is busy, and feels its way up again when it is not.

    Attributes:
        most: parallel requests at most.
        retry: how long to wait, and when to give up.
        hopeless: the last error, once there was nothing but trouble for longer than anyone waits: all that is asked after
            that fails at once.
    """

    most: int
    retry: Retry = FOR_WORK
    hopeless: ClientError | None = field(init=False, default=None)
    _allowed: float = field(init=False)
    _hold_until: float = field(init=False, default=float("-inf"))
    _trouble_since: float | None = field(init=False, default=None)
    _refusals: int = field(init=False, default=0)
    _is_there: bool = field(init=False, default=False)

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
        self._trouble_since, self._refusals, self._is_there = None, 0, True

    def may_try_again(self, now: float, error: ClientError, troubled_since: float) -> bool:
        """Take note of an error, and return whether what it happened to may be asked again, when its turn comes.

        Args:
            now: what time it is.
            error: what happened.
            troubled_since: when the same question failed first: one photo that fails for ever, while others are answered, is
                not to hold up its work for ever.
        """
        if not is_temporary(error):
            return False
        self.refused(now, error)
        if self.is_hopeless(now + self.held(now)):  # a pause beyond the end is not waited for
            self.hopeless = error
            return False
        # longer than for all together, so that it is theirs that ends where nobody is answered
        return now - troubled_since <= self.retry.patience + self.retry.longest_pause

    def refused(self, now: float, error: ClientError) -> None:
        """Take note that the backend is busy or away; nobody asks again before it says, or before a growing pause."""
        if self.held(now) == 0:  # the others that were under way hear the same: that is one refusal, not four
            self._allowed = max(1.0, self._allowed / 2)
            self._refusals += 1
        if self._trouble_since is None:
            self._trouble_since = now
        self._is_there = self._is_there or not is_absent(error)
        pause = min(self.retry.pause(self._refusals, error), self.retry.longest_pause)
        self._hold_until = max(self._hold_until, now + pause)

    def is_hopeless(self, now: float) -> bool:
        """Return whether there was nothing but trouble for longer than anyone waits."""
        patience = self.retry.patience if self._is_there else self.retry.absence
        return self._trouble_since is not None and now - self._trouble_since > patience
