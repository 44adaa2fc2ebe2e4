"""The way of a log line: a bounded queue that whoever logs never waits for, and a thread that writes what is in it.

Nobody may be reading our stderr, or its disk may be full: then lines are dropped and counted, and everything else goes on. When
writing works again, the log says how many are missing.
"""

import contextlib
import copy
import logging
import os
import queue
import select
import threading
import time
from collections import deque
from logging.handlers import QueueHandler, QueueListener
from typing import Final

MOST_RECORDS: Final = 5_000  # that wait: seconds of a busy server, and a few megabytes
MOST_CHARACTERS: Final = 2_048  # of a message, or of any other text that a stranger may have written
_MOST_OF_A_TRACEBACK: Final = 16_384
_INTERVAL: Final = 0.25  # seconds that a line may wait for others: they are written together
_LOOK_EVERY: Final = 100  # milliseconds between two looks at whether the log is to end, while nobody reads it
_CLOSE_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


class BoundedHandler(QueueHandler):
    """Takes records in any thread, and never waits.

    Attributes:
        dropped: records for which there was no room, or that could not be put into words.
        unwritten: lines that then could not be written; the thread counts them.
        hurry: set when a record is not to wait for others.
    """

    queue: "queue.Queue[logging.LogRecord]"

    def __init__(self, most: int = MOST_RECORDS) -> None:
        super().__init__(queue.Queue(most))
        self.dropped = 0
        self.unwritten = 0
        self.hurry = threading.Event()

    @property
    def missing(self) -> int:
        """How many lines the log lacks."""
        return self.dropped + self.unwritten

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Put it into words of bounded length, since what it speaks of may change; its line is made by the thread."""
        told = record.msg
        if record.args or record.exc_info or not isinstance(told, str) or len(told) > MOST_CHARACTERS:
            record = copy.copy(record)
            record.msg, record.args = bounded(record.getMessage()), None
            if record.exc_info:
                told = logging.Formatter().formatException(record.exc_info)
                left_out = len(told) - _MOST_OF_A_TRACEBACK  # its end says what happened
                record.exc_text = told if left_out <= 0 else f"({left_out} characters left out) {told[left_out:]}"
                record.exc_info = None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue it, or drop it."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1
        if record.levelno >= logging.WARNING:
            self.hurry.set()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class would write to stderr, and wait
        """Count what could not be put into words."""
        self.dropped += 1


class Writer(logging.Handler):
    """Writes lines to a file descriptor, as many together as a pipe takes in one piece; runs in the listener's thread."""

    def __init__(self, descriptor: int, source: BoundedHandler) -> None:
        """Set up.

        Args:
            descriptor: where to; left open.
            source: where the lines come from, and what is lost is counted.
        """
        super().__init__()
        self._descriptor = descriptor
        self._source = source
        self._told = 0  # of all that are missing, how many the log has spoken of
        self._lines: deque[bytes] = deque()
        self._torn = False  # the last line was written in part
        self._end_at: float | None = None
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        """Make a line of it, which `flush` writes."""
        self._lines.append(self._line(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Count what no line could be made of."""
        self._source.unwritten += 1

    def flush(self) -> None:
        """Write what there is; waits as long as nobody reads."""
        while self._lines:
            lines: list[bytes] = []
            missing = self._source.missing
            if missing > self._told:
                lines.append(self._line(_about(missing - self._told)))
            size = sum(map(len, lines))
            count = 0
            while self._lines and (not count or size + len(self._lines[0]) <= select.PIPE_BUF):
                lines.append(self._lines.popleft())
                size += len(lines[-1])
                count += 1
            if self._write(b"".join(lines)):
                self._told = missing
            else:
                self._source.unwritten += count

    def end_within(self, seconds: float) -> None:
        """From now on wait no longer than that in all."""
        self._end_at = time.monotonic() + seconds

    def _is_over(self) -> bool:
        return self._end_at is not None and time.monotonic() > self._end_at

    def _line(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode("utf-8", "backslashreplace") + b"\n"

    def _write(self, text: bytes) -> bool:
        """Return whether all of it is written."""
        left = memoryview(b"\n" + text if self._torn else text)
        begun = False
        try:
            while left:
                # A pipe that has room takes this much without waiting: no thread is ever stuck in the system.
                while not self._poll.poll(0 if self._is_over() else _LOOK_EVERY):
                    if self._is_over():
                        return False
                left = left[os.write(self._descriptor, left[: select.PIPE_BUF]) :]
                begun = True
        except OSError:  # no room on the disk, nobody at the other end of the pipe: it may get better
            return False
        else:
            return True
        finally:
            self._torn = bool(left) and (begun or self._torn)


class Listener(QueueListener):
    """The thread between the two."""

    queue: "queue.Queue[logging.LogRecord]"

    def __init__(self, source: BoundedHandler, writer: Writer) -> None:
        super().__init__(source.queue, writer)
        self._source = source
        self._writer = writer

    def dequeue(self, block: bool) -> logging.LogRecord:
        """Return the next record.

        When there is none, what was gathered is written, and then nothing is looked for until others have come: whoever
        logs while this waits in `get` has to wake it, and hands it the interpreter's lock in the middle of a request.
        """
        if self.queue.empty():
            self._writer.flush()
            self._source.hurry.wait(_INTERVAL)
            self._source.hurry.clear()
        return super().dequeue(block)

    def enqueue_sentinel(self) -> None:
        """Queue what ends the thread, as soon as there is room."""
        while True:
            with contextlib.suppress(queue.Full):
                super().enqueue_sentinel()
                break
            time.sleep(0.01)
        self._source.hurry.set()

    def close(self) -> None:
        """Write what waits and end the thread; it is left behind where nobody reads."""
        self._writer.end_within(_CLOSE_SECONDS)
        self._source.hurry.set()
        ending = threading.Thread(target=self._finish, name="log-end", daemon=True)  # `stop` waits without a bound
        ending.start()
        ending.join(2 * _CLOSE_SECONDS)

    def _finish(self) -> None:
        self.stop()
        self._writer.flush()


def bounded(text: str) -> str:
    """Return it, or its beginning and how much more there was."""
    left_out = len(text) - MOST_CHARACTERS
    return text if left_out <= 0 else f"{text[:MOST_CHARACTERS]} ({left_out} more characters)"


def _about(missing: int) -> logging.LogRecord:
    record = _log.makeRecord(
        _log.name, logging.WARNING, "", 0, f"{missing} log lines are missing here: they could not be written", (), None
    )
    record.fields = {"dropped": missing}
    return record
