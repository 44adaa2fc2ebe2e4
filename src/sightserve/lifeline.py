"""Ends this process when the one that started it is gone, however that came about: SIGKILL tells nobody anything.

Who starts it holds one end of a pipe, and this process waits at the other: the kernel closes the first with its holder.
"""

import os
import signal
import threading
import time
from contextlib import suppress
from typing import Final

VARIABLE: Final = "SIGHTSERVE_LIFELINE"
_STOP_SECONDS: Final = 12.0  # the backend drains for up to 9


def hold() -> None:
    """Wait in the background for the end of who started this process, where the environment names a pipe for that."""
    number = os.environ.pop(VARIABLE, "")
    if number.isdecimal():
        with suppress(OSError):  # no such descriptor: the variable came from elsewhere
            os.set_inheritable(int(number), False)
            threading.Thread(target=_wait, args=(int(number),), name="lifeline", daemon=True).start()


def _wait(descriptor: int) -> None:
    with suppress(OSError):
        while os.read(descriptor, 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
