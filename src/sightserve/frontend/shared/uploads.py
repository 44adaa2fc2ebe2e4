"""What all pages do with the files that Streamlit holds for its uploaders: let them go."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


def free(files: Sequence["UploadedFile"]) -> None:
    """Free Streamlit's own copies, so that a file's bytes go when the page is done with them and not when the session ends.

    The widget that holds the files must be gone with the next run; it would find them missing.
    """
    context = get_script_run_ctx()
    # As Streamlit does for its chat input; another kind of manager keeps its files until the session ends.
    if context is not None and isinstance(manager := context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            manager.remove_file(session_id=context.session_id, file_id=file.file_id)
