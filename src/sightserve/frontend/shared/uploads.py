"""The files that Streamlit holds for its uploaders: one copy of each, how many bytes they are, and letting them go.

It keeps every uploaded file in memory until its session ends, and counts none of them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

if TYPE_CHECKING:
    from typing import Any


def keep_one_copy() -> None:
    """Have an uploader hand out files that share the bytes that Streamlit stores.

    It copies a widget's value in every run of the script, lest somebody change it: 240 MiB of photos were 480 between two runs,
    and 720 at a press, all of it uncounted. Nobody here changes a file; all ask for `getvalue()`.
    """

    def itself(file: UploadedFile, _memo: "dict[int, Any]") -> UploadedFile:
        return file

    UploadedFile.__deepcopy__ = itself  # type: ignore[attr-defined]


def stored_bytes() -> Mapping[str, int]:
    """Return how many bytes of uploads Streamlit holds for each session."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    if not isinstance(manager, MemoryUploadedFileManager):
        return {}
    storage = list(manager.file_storage.items())
    return {session: sum(len(file.data) for file in list(files.values())) for session, files in storage}


def free(files: Sequence[UploadedFile]) -> None:
    """Free Streamlit's own copies, so that a file's bytes go when the page is done with them and not when the session ends.

    The widget that holds the files must be gone with the next run; it would find them missing.
    """
    context = get_script_run_ctx()
    # As Streamlit does for its chat input; another kind of manager keeps its files until the session ends.
    if context is not None and isinstance(manager := context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            manager.remove_file(session_id=context.session_id, file_id=file.file_id)
