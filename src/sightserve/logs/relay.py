"""What processes write to their standard error, as lines of the log: what libraries say of strangers' files, and last words.

How much they say is a stranger's choice, so most of it is left out when it becomes much, but never the last lines of a process.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

_BURST: Final = 100  # lines at once
_PER_SECOND: Final = 5.0  # lines, of all pipes together
_LAST: Final = 40  # lines of a process that has ended: a traceback
_MOST_BYTES: Final = 1_024  # of a line


class Relay:
    """A thread for each pipe, which waits for its lines."""

    def __init__(self, who: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing.

        Args:
            who: writes them, as it is called in the log.
            clock: monotonic seconds, for tests.
        """
        self._who, self._clock = who, clock
        self._log = logging.getLogger(f"sightserve.{who}")
        self._lock = threading.Lock()
        self._allowance = float(_BURST)
        self._at = clock()
        self._left_out = 0
        self._threads: set[threading.Thread] = set()

    def follow(self, pid: int, pipe: int) -> None:
        """Begin to log what comes out of a pipe, and close it when its other end is closed."""
        thread = threading.Thread(target=self._read, args=(pid, pipe), name=f"{self._who}-stderr-{pid}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def finish(self, seconds: float) -> None:
        """Wait for the last words of those that have ended, no longer than that."""
        deadline = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _read(self, pid: int, pipe: int) -> None:
        last: deque[str] = deque(maxlen=_LAST)
        with open(pipe, "rb") as lines:
            while line := lines.readline(_MOST_BYTES):
                text = _printable(line)
                left_out = self._take()
                if left_out is None:
                    last.append(text)
                    continue
                if left_out:
                    self._log.warning("%d lines were left out", left_out)
                self._tell(pid, text)
        for text in last:
            self._tell(pid, text)
        self._threads.discard(threading.current_thread())

    def _take(self) -> int | None:
        """Return how many lines were left out since one was told, or None: this one is left out too."""
        with self._lock:
            now = self._clock()
            self._allowance = min(_BURST, self._allowance + (now - self._at) * _PER_SECOND)
            self._at = now
            if self._allowance < 1:
                self._left_out += 1
                return None
            self._allowance -= 1
            left_out, self._left_out = self._left_out, 0
            return left_out

    def _tell(self, pid: int, text: str) -> None:
        self._log.warning("%s %d: %s", self._who, pid, text, extra={"fields": {"pid": pid}})


def _printable(line: bytes) -> str:
    """Return it without what would steer a terminal."""
    text = line.decode("utf-8", "backslashreplace").rstrip()
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
