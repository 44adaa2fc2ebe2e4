"""Where the Batch page's photos come from: each is read only when its turn comes, and let go right after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from sightserve.frontend.shared.photos import shown_path
from sightserve.frontend.shared.words import Message
from sightserve.imaging.formats import is_photo_name

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_LITTER: Final = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
_APPLE_DOUBLE: Final = (
    "._"  # what macOS leaves beside a file on other systems' disks: no photo, whatever its name ends in
)


class FileRefused(Exception):
    """A file is not sent to the backend; `message` says why and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


@dataclass(frozen=True, slots=True)
class Source:
    """One photo of a batch.

    Attributes:
        name: as it is shown, with its path in the folder or zip.
        size: bytes, as announced.
        read: gives the bytes; raises FileRefused.
        holds: bytes in memory that go when this source goes.
        makes: bytes in memory that `read` makes beside those.
    """

    name: str
    size: int
    read: Callable[[], bytes]
    holds: int = 0
    makes: int = 0


def from_uploads(files: Sequence["UploadedFile"]) -> tuple[list[Source], int]:
    """Return uploaded photos as sources, and how many of the files are something else: folders hold that too."""
    files = [file for file in files if not is_litter(file.name)]
    photos = [file for file in files if is_photo_name(file.name)]
    sources = [Source(shown_path(file.name), file.size, file.getvalue, holds=file.size) for file in photos]
    return sources, len(files) - len(photos)


def is_litter(name: str) -> bool:
    """Return whether this is what operating systems leave in folders and zips."""
    return any(part in _LITTER or part.startswith(_APPLE_DOUBLE) for part in PurePosixPath(name).parts)
