"""Starts and ends a child process. Imports next to nothing, so that one can start before everything else is imported."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Child:
    """A process of ours that imports what it needs and waits to be told what to do.

    It ends by itself when the other end of its connection closes: also when this process dies.

    Attributes:
        process: that was started.
        connection: our end.
    """

    process: "subprocess.Popen[bytes]"
    connection: socket.socket

    def end(self) -> None:
        """End it at once and wait until it is gone."""
        self.connection.close()
        self.process.kill()
        self.process.wait()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended; it is killed when that takes longer. Blocks."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def spawn(module: str, *arguments: str, descriptors: Sequence[int] = ()) -> Child:
    """Start `python -m module` with the connection's descriptor as its first argument; may be called in any thread.

    Args:
        module: runs `child.connect` first.
        arguments: what follows.
        descriptors: of files that it inherits beside the connection, under the same numbers.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - no shell, and every word is ours
            # -P: a module of the folder that somebody happens to stand in is not imported in the place of another
            [sys.executable, "-P", "-m", module, str(theirs.fileno()), *arguments],
            pass_fds=(theirs.fileno(), *descriptors),
            # NumPy multiplies no matrices in a child, and its library would start a thread for every core of the machine
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
        )
    return Child(process, ours)
