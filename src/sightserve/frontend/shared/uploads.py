"""The files that Streamlit holds for its uploaders: how many bytes they are, and letting them go.

It keeps every uploaded file in memory until its session ends, and counts none of them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


def stored_bytes() -> Mapping[str, int]:
    """Return how many bytes of uploads Streamlit holds for each session."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    if not isinstance(manager, MemoryUploadedFileManager):
        return {}
    storage = list(manager.file_storage.items())
    return {session: sum(len(file.data) for file in list(files.values())) for session, files in storage}


def free(files: Sequence["UploadedFile"]) -> None:
    """Free Streamlit's own copies, so that a file's bytes go when the page is done with them and not when the session ends.

    The widget that holds the files must be gone with the next run; it would find them missing.
    """
    context = get_script_run_ctx()
    # As Streamlit does for its chat input; another kind of manager keeps its files until the session ends.
    if context is not None and isinstance(manager := context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            manager.remove_file(session_id=context.session_id, file_id=file.file_id)
