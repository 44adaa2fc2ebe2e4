"""The child's end: what a process does first that strangers' bytes may crash, hang or swell."""

import os
import resource
import signal
import socket
import sys
import warnings
from contextlib import suppress
from pathlib import Path


def connect() -> socket.socket:
    """Return the connection to the process that started this one.

    From then on that process alone decides when this one ends: a Ctrl-C in the terminal reaches the whole group, and must not.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # Pillow warns on stderr about oddities in strangers' files: noise that anybody could fill a disk with.
    warnings.filterwarnings("ignore", module="PIL")
    os.dup2(2, 1)  # what a library prints is for the log
    return socket.socket(fileno=int(sys.argv[1]))


def bound(*, memory: int | None = None, file_size: int | None = None) -> None:
    """Have the system refuse this process more than so much.

    Args:
        memory: bytes of address space; what asks for more gets a MemoryError.
        file_size: bytes of any file that it writes.
    """
    with suppress(ValueError, OSError):  # not every system bounds these
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def address_space() -> int | None:
    """Return how many bytes of address space this process has now; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])  # Linux
    except (OSError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
