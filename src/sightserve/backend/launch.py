"""Beside the data path: starts the process of a slot. Imports next to nothing, so that the first can start before the server.

A slot imports and loads for a quarter of a second; so does the server, and on two cores they do it at the same time.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Final

_SLOT_NEEDS: Final = ("numpy", "PIL", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Spawned:
    """A slot's process that imports what it needs and waits to be told what to load.

    It ends by itself when the other end of its connection closes: also when this process dies.

    Attributes:
        process: that was started.
        connection: our end.
        lock: file descriptor for `pixels.PixelBudget`, which all slots share.
    """

    process: "subprocess.Popen[bytes]"
    connection: socket.socket
    lock: int

    def end(self) -> None:
        """End it at once."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


def spawn(lock: int) -> Spawned:
    """Start a slot's process; may be called in any thread."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - no shell, and every word is ours
            [sys.executable, "-m", "sightserve.backend.slot.main", str(theirs.fileno()), str(lock)],
            pass_fds=(theirs.fileno(), lock),
            # NumPy multiplies no matrices here, and its library would start a thread for every core of the machine
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
        )
    return Spawned(process, ours, lock)


def spawn_first() -> Spawned | None:
    """Start the first slot's process; None where it would find nothing to import, and others say better what is missing."""
    if not all(importlib.util.find_spec(name) for name in _SLOT_NEEDS):
        return None
    return spawn(lock_file())


def lock_file() -> int:
    """Return a file descriptor that every slot inherits and locks while it decodes a large image; it is never closed."""
    if hasattr(os, "memfd_create"):  # Linux: works with a read-only file system too
        return os.memfd_create("sightserve-pixels")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
