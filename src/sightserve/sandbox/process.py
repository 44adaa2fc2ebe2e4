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
        stderr: our end of the pipe that it writes its standard error to, to be closed by whoever reads it; None: it goes
            where ours goes.
    """

    process: "subprocess.Popen[bytes]"
    connection: socket.socket
    stderr: int | None = None

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


def spawn(module: str, *arguments: str, descriptors: Sequence[int] = (), read_stderr: bool = False) -> Child:
    """Start `python -m module` with the connection's descriptor as its first argument; may be called in any thread.

    Args:
        module: runs `child.connect` first.
        arguments: what follows.
        descriptors: of files that it inherits beside the connection, under the same numbers.
        read_stderr: have its standard error come to us, see `Child.stderr`. What finds no room there is lost: a child never
            waits for us to read.
    """
    ours, theirs = socket.socketpair()
    errors, their_errors = os.pipe() if read_stderr else (None, None)
    if their_errors is not None:
        os.set_blocking(their_errors, False)
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - no shell, and every word is ours
            # -P: a module of the folder that somebody happens to stand in is not imported in the place of another
            [sys.executable, "-P", "-m", module, str(theirs.fileno()), *arguments],
            pass_fds=(theirs.fileno(), *descriptors),
            # NumPy multiplies no matrices in a child, and its library would start a thread for every core of the machine
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stderr=their_errors,
        )
    if their_errors is not None:
        os.close(their_errors)
    return Child(process, ours, errors)
