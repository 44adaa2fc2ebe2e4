"""Starts the process of a slot. Imports next to nothing, so that the first can start before the server's own imports.

A slot imports and loads for a quarter of a second; so does the server, and on two cores they do it at the same time.
"""

import importlib.util
import os
import tempfile
from dataclasses import dataclass
from typing import Final

from sightserve.sandbox.process import Child, spawn

_SLOT_NEEDS: Final = ("numpy", "PIL", "onnxruntime")


@dataclass(frozen=True, slots=True)
class FirstChild:
    """The first slot's process, which waits to be told what to load.

    Attributes:
        child: that process.
        lock: file descriptor for `slot.pixels.PixelBudget`, which all slots share.
    """

    child: Child
    lock: int


def spawn_slot(lock: int) -> Child:
    """Start a slot's process; may be called in any thread."""
    return spawn("sightserve.backend.slot.main", str(lock), descriptors=[lock], read_stderr=True)


def spawn_first() -> FirstChild | None:
    """Start the first slot's process; None where it would find nothing to import, and others say better what is missing."""
    if not all(importlib.util.find_spec(name) for name in _SLOT_NEEDS):
        return None
    lock = lock_file()
    return FirstChild(spawn_slot(lock), lock)


def lock_file() -> int:
    """Return a file descriptor that every slot inherits and locks while it decodes a large image; it is never closed."""
    if hasattr(os, "memfd_create"):  # Linux: works with a read-only file system too
        return os.memfd_create("sightserve-pixels")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
