"""Threads that do what would hold others up, in turn. They end with the process, whatever they wait for."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

_log = logging.getLogger(__name__)


class Errands:
    """A few threads with one line before them; whoever hands work in keeps it bounded."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self._line: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def do(self, errand: Callable[[], None]) -> None:
        """Do this, some time."""
        self._line.put(errand)

    def close(self, seconds: float) -> bool:
        """End after what is in the line; return whether that took no longer than so many seconds."""
        for _ in self._threads:
            self._line.put(None)
        for thread in self._threads:
            thread.join(max(seconds, 0))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while errand := self._line.get():
            try:
                errand()
            except Exception:  # noqa: BLE001 - the next errand is another
                _log.exception("feedback: an errand failed")
            del errand  # it may hold a photo, and the next may come tomorrow
