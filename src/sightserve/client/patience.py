"""Asks until there is an answer: for work that may take as long as the backend needs, and outlives its restart."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sightserve.client.errors import ClientError
from sightserve.client.pace import Pace
from sightserve.client.retry import FOR_WORK, Retry

Answer = TypeVar("Answer")


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
        retry: Retry = FOR_WORK,
        everyone: threading.Semaphore | None = None,
        tell: Callable[[ClientError, float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the bounds.

        Args:
            parallel: requests under way at once, at most.
            stop: set from any thread to stop waiting.
            retry: how long to wait, and when to give up: all of them together, and each question by itself.
            everyone: bounds what several pieces of work have under way together.
            tell: is told of each pause: why, and how many seconds.
            clock: monotonic seconds, for tests.
        """
        self._pace = Pace(parallel, retry)
        self._stop = stop
        self._everyone = everyone or threading.Semaphore(parallel)
        self._tell = tell
        self._clock = clock
        self._changed = threading.Condition()
        self._under_way = 0

    @property
    def held(self) -> float:
        """Seconds until the backend may be asked again, because it asked for time."""
        with self._changed:
            return self._pace.held(self._clock())

    @property
    def is_hopeless(self) -> bool:
        """Whether there was nothing but trouble for longer than anyone waits: every further question fails at once."""
        return self._pace.hopeless is not None

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Return what `question` returns; it asks once, and raises a ClientError where that fails.

        Raises:
            GivenUp: `stop` was set.
            ClientError: as `question` does: asking again does not help, or has not helped for too long.
        """
        troubled_since: float | None = None
        while True:
            self._begin()
            try:
                with self._everyone:
                    answer = question()
            except ClientError as error:
                troubled_since = self._clock() if troubled_since is None else troubled_since
                if not self._may_try_again(error, troubled_since):
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
            while not self._stop.is_set() and self._pace.hopeless is None:
                if self._pace.may_start(now := self._clock(), self._under_way):
                    self._under_way += 1
                    return
                self._changed.wait(min(0.2, max(0.02, self._pace.held(now))))
            if self._pace.hopeless is not None and not self._stop.is_set():
                raise self._pace.hopeless
            raise GivenUp("stopped")

    def _may_try_again(self, error: ClientError, troubled_since: float) -> bool:
        with self._changed:
            now = self._clock()
            was_held = self._pace.held(now) > 0
            again, pause = self._pace.may_try_again(now, error, troubled_since), self._pace.held(now)
        if again and not was_held and self._tell is not None:
            self._tell(error, pause)
        return again


class AsyncPatience:
    """The same for the tasks of one event loop; who wants to stop cancels them."""

    def __init__(self, parallel: int, *, retry: Retry = FOR_WORK, clock: Callable[[], float] = time.monotonic) -> None:
        """Set the bounds, as `Patience` has them."""
        self._pace = Pace(parallel, retry)
        self._clock = clock
        self._under_way = 0

    async def ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return what `question` returns. Errors as in `Patience`."""
        troubled_since: float | None = None
        while True:
            await self._begin()
            try:
                answer = await question()
            except ClientError as error:
                now = self._clock()
                troubled_since = now if troubled_since is None else troubled_since
                if not self._pace.may_try_again(now, error, troubled_since):
                    raise
            else:
                self._pace.answered()
                return answer
            finally:
                self._under_way -= 1

    async def _begin(self) -> None:
        while self._pace.hopeless is None:
            if self._pace.may_start(now := self._clock(), self._under_way):
                self._under_way += 1
                return
            await asyncio.sleep(min(0.2, max(0.02, self._pace.held(now))))
        raise self._pace.hopeless
