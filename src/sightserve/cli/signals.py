"""Ctrl-C and SIGTERM for commands with work under way: the work ends in order.

Ctrl-C, where threads work on: all hear of it, and a second one ends it at once.
"""

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


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Have whoever ends this process with SIGTERM be heard as Ctrl-C is: what was begun is taken back, and children end."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
