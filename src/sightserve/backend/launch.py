"""Starts the process of a slot. Imports next to nothing, so that the first can start before the server's own imports.

A slot imports and loads for a quarter of a second; so does the server, and on two cores they do it at the same time.
"""

import importlib.util
from dataclasses import dataclass
from typing import Final

from sightserve.backend import held
from sightserve.sandbox.process import Child, spawn

_SLOT_NEEDS: Final = ("numpy", "PIL", "onnxruntime")


@dataclass(frozen=True, slots=True)
class FirstChild:
    """The first slot's process, which waits to be told what to load.

    Attributes:
        child: that process.
        model: file descriptor for `held.fill`, which all slots inherit; it is never closed.
    """

    child: Child
    model: int


def spawn_slot(model: int) -> Child:
    """Start a slot's process, which inherits the file of the model; may be called in any thread."""
    return spawn("sightserve.backend.slot.main", str(model), descriptors=[model], read_stderr=True)


def spawn_first() -> FirstChild | None:
    """Start the first slot's process; None where it would find nothing to import, and others say better what is missing."""
    if not all(importlib.util.find_spec(name) for name in _SLOT_NEEDS):
        return None
    return spawn_now()


def spawn_now() -> FirstChild:
    """Start the first slot's process."""
    model = held.reserve()
    return FirstChild(spawn_slot(model), model)
