"""Ctrl-C for commands with work under way: all threads hear of it, and the work ends in order; a second one ends it at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopping_on_ctrl_c() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C sets; who pressed it twice does not want to wait."""
    stop = threading.Event()

    def first(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
