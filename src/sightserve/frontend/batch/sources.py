"""Where the Batch page's photos come from: each is read only when its turn comes, and let go right after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sightserve.frontend.shared.photos import shown_name
from sightserve.frontend.shared.words import Message
from sightserve.imaging.formats import is_photo_name

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


class FileRefused(Exception):
    """A file is not sent to the backend; `message` says why and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


@dataclass(frozen=True, slots=True)
class Source:
    """One photo of a batch.

    Attributes:
        name: as it is shown.
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
    photos = [file for file in files if is_photo_name(file.name)]
    sources = [Source(shown_name(file.name), file.size, file.getvalue, holds=file.size) for file in photos]
    return sources, len(files) - len(photos)
