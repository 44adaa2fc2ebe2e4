"""Asks until there is an answer: for work that may take as long as the backend needs, and outlives its restart."""

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, TypeVar

from sightserve.client.errors import ApiError, BackendTimeout, BackendUnreachable, ClientError, InvalidAnswer
from sightserve.client.pace import Pace

Answer = TypeVar("Answer")

_TEMPORARY: Final = frozenset(
    {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.BAD_GATEWAY}
)


class GivenUp(ClientError):
    """Somebody said stop while an answer was waited for."""


class Patience:
    """Lets the threads of one piece of work ask at one pace, and again where the backend was busy or away.

    Only for what may be asked twice, as a prediction may: a connection that breaks says nothing about what was done.
    """

    def __init__(
        self,
        parallel: int,
        stop: threading.Event,
        *,
        patience: float = 120.0,
        everyone: threading.Semaphore | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the bounds.

        Args:
            parallel: requests under way at once, at most.
            stop: set from any thread to stop waiting.
            patience: seconds of nothing but refusals after which the last of them is raised.
            everyone: bounds what several pieces of work have under way together.
            clock: monotonic seconds, for tests.
        """
        self._pace = Pace(parallel, patience)
        self._stop = stop
        self._everyone = everyone or threading.Semaphore(parallel)
        self._clock = clock
        self._changed = threading.Condition()
        self._under_way = 0

    @property
    def held(self) -> float:
        """Seconds until the backend may be asked again, because it asked for time."""
        with self._changed:
            return self._pace.held(self._clock())

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Return what `question` returns; it asks once, and raises a ClientError where that fails.

        Raises:
            GivenUp: `stop` was set.
            ClientError: as `question` does: asking again does not help, or has not helped for too long.
        """
        while True:
            self._begin()
            try:
                with self._everyone:
                    answer = question()
            except ClientError as error:
                if not self._may_try_again(error):
                    raise
            else:
                with self._changed:
                    self._pace.answered()
                return answer
            finally:
                with self._changed:
                    self._under_way -= 1
                    self._changed.notify_all()

    def _begin(self) -> None:
        """Wait for a turn."""
        with self._changed:
            while not self._pace.may_start(now := self._clock(), self._under_way):
                if self._stop.is_set():
                    raise GivenUp("stopped")
                self._changed.wait(min(0.2, max(0.02, self._pace.held(now))))
            if self._stop.is_set():
                raise GivenUp("stopped")
            self._under_way += 1

    def _may_try_again(self, error: ClientError) -> bool:
        if isinstance(error, InvalidAnswer):
            return False
        if isinstance(error, ApiError):
            temporary, after = error.status in _TEMPORARY, error.retry_after
        else:  # away, late, or the connection broke, as it does when a backend is restarted
            temporary, after = (
                isinstance(error, BackendUnreachable | BackendTimeout) or type(error) is ClientError,
                None,
            )
        if not temporary:
            return False
        with self._changed:
            self._pace.refused(self._clock(), after)
            return not self._pace.is_hopeless(self._clock())
