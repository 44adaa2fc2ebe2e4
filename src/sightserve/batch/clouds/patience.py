"""A request -> [tried again while the store is busy or away, for a while] -> its answer.

The stores' own clients try again too, a few times and soon; this is for what lasts longer: a restart, a minute of
`SlowDown`.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from sightserve.batch.clouds.faults import CloudError, Fault

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Patience:
    """How long one request is tried.

    Attributes:
        seconds: after which no further try begins.
        pause: before the second try, in seconds; it doubles from one to the next.
        longest: of the pauses.
        sleep: waits.
        clock: seconds, from anywhere on.
    """

    seconds: float = 120
    pause: float = 0.5
    longest: float = 15
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def ask(self, request: Callable[[], Answer], judge: Callable[[BaseException], tuple[Fault, str]]) -> Answer:
        """Return what the request returns.

        Raises:
            CloudError: it failed, as `judge` says of what it raised.
        """
        until = self.clock() + self.seconds
        pause = self.pause
        while True:
            try:
                return request()
            except Exception as exc:
                fault, words = judge(exc)
                if fault is not Fault.BUSY or self.clock() >= until:
                    raise CloudError(fault, words) from exc
            # jitter: threads that failed together do not come back together
            self.sleep(min(pause * random.uniform(0.5, 1), max(0, until - self.clock())))  # noqa: S311 - no secret
            pause = min(2 * pause, self.longest)


PATIENT: Final = Patience()
BRIEF: Final = Patience(seconds=10)  # with a store's first answer: a wrong address is told of soon
