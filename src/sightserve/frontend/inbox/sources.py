"""Where the Batch page's photos come from: each is read only when its turn comes, and let go right after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from sightserve.frontend.inbox.store import Pick, Superseded
from sightserve.frontend.shared.words import Message

_LOOK_EVERY: Final = (
    1.0  # seconds for which a photo on its way is waited for at a stretch: a batch can be stopped meanwhile
)
_UNREADABLE: Final = Message(
    "This file did not come in.", "Too large, moved or removed meanwhile: choose it once more, or a smaller one."
)
_GONE: Final = Message("This photo was let go before its turn came.", "Choose it once more.")
_LITTER: Final = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
_APPLE_DOUBLE: Final = "._"  # what macOS leaves beside a file on other systems' disks, whatever its name ends in


class FileRefused(Exception):
    """A file is not sent to the backend.

    Attributes:
        message: why, and what to do.
        code: stable, for the row; one of those that `sightserve batch` has for files.
    """

    def __init__(self, message: Message, code: str = "unreadable_file") -> None:
        super().__init__(str(message))
        self.message = message
        self.code = code


class NotYet(Exception):
    """A photo is still on its way."""


@dataclass(frozen=True, slots=True)
class Source:
    """One photo of a batch.

    Attributes:
        name: as it is shown.
        size: bytes, as announced.
        read: gives the photo's bytes; raises FileRefused, NotYet.
        let_go: frees them: the photo is answered.
        makes: bytes in memory that `read` makes beside what is booked already.
    """

    name: str
    size: int
    read: Callable[[], bytes]
    let_go: Callable[[], None] = lambda: None
    makes: int = 0


def of_pick(pick: Pick, photos: Sequence[tuple[str, int]]) -> list[Source]:
    """Return the photos that a browser offers (path and bytes of each): they come while others are asked about."""
    return [_source(pick, index, name, size) for index, (name, size) in enumerate(photos)]


def _source(pick: Pick, index: int, name: str, size: int) -> Source:
    def read() -> bytes:
        try:
            file = pick.take(index, _LOOK_EVERY)
        except FileNotFoundError:
            raise FileRefused(_UNREADABLE) from None
        except Superseded:
            raise FileRefused(_GONE, "file_not_found") from None
        if file is None:
            raise NotYet
        return file.data

    return Source(name, size, read, let_go=lambda: pick.let_go(index))


def is_litter(name: str) -> bool:
    """Return whether this is what operating systems leave in folders and zips."""
    return any(part in _LITTER or part.startswith(_APPLE_DOUBLE) for part in PurePosixPath(name).parts)
