"""Where a batch's photos come from: each is read only when its turn comes, and let go right after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from sightserve.frontend.shared.photos import SUFFIXES, shown_name
from sightserve.frontend.shared.words import Message

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
    """

    name: str
    size: int
    read: Callable[[], bytes]


def from_uploads(files: Sequence["UploadedFile"]) -> tuple[list[Source], int]:
    """Return uploaded photos as sources, and how many of the files are something else: folders hold that too."""
    photos = [file for file in files if PurePosixPath(file.name).suffix.lower() in SUFFIXES]
    return [Source(shown_name(file.name), file.size, file.getvalue) for file in photos], len(files) - len(photos)


def free(files: Sequence["UploadedFile"]) -> None:
    """Free Streamlit's own copies, so that a photo's bytes go when its source goes and not when the session ends.

    The widget that holds the files must be gone with the next run; it would find them missing.
    """
    context = get_script_run_ctx()
    # As Streamlit does for its chat input; another kind of manager keeps its files until the session ends.
    if context is not None and isinstance(manager := context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            manager.remove_file(session_id=context.session_id, file_id=file.file_id)
