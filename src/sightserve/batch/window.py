"""How many photos are read ahead at once, and of how many bytes."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LOOK: Final = 0.2  # seconds between looks at whether it is over
_HELD: Final = 192 * 2**20  # bytes of photos that were read, and wait


@dataclass(slots=True)
class Window:
    """How much may be read ahead: groups, and their bytes as far as those of others tell.

    Attributes:
        least, most: groups.
    """

    least: int
    most: int
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _groups: int = 0
    _held: int = 0
    _photos: int = 0
    _bytes: int = 0

    def enter(self, photos: int, stopped: Callable[[], bool]) -> bool:
        """Wait for a place; return whether there is one, before somebody says stop."""
        with self._changed:
            while not stopped():
                a_group = photos * self._bytes // max(1, self._photos)
                expected = max(self._held + a_group, (self._groups + 1) * a_group)  # those of others are on their way
                if self._groups < self.least or (self._groups < self.most and expected <= _HELD):
                    self._groups += 1
                    return True
                self._changed.wait(LOOK)
            return False

    def has_read(self, size: int) -> None:
        """Count a photo's bytes."""
        with self._changed:
            self._held += size
            self._photos += 1
            self._bytes += size

    def leave(self, size: int) -> None:
        """Free a group's place and its bytes."""
        with self._changed:
            self._groups -= 1
            self._held -= size
            self._changed.notify_all()
