"""Where models lie that `sightserve model add` has made, and which directory a word means that names one."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sightserve.bundle.errors import BundleNotFoundError
from sightserve.bundle.manifest import EMBEDDED, default_bundle_path, embedded_bundle_path
from sightserve.bundle.verify import MANIFEST

# A name is a folder's name, a word of an address and a part of an image's tag.
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_VARIABLE: Final = "SIGHTSERVE_MODELS_DIR"


def models_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of added models: SIGHTSERVE_MODELS_DIR, else where the XDG base directories have a user's data."""
    if chosen := environment.get(_VARIABLE):
        return Path(chosen)
    data = environment.get("XDG_DATA_HOME") or Path(environment.get("HOME") or "~").expanduser() / ".local" / "share"
    return Path(data) / "sightserve" / "models"


def added(directory: Path) -> list[Path]:
    """Return the directories of the models in this folder, by name."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if NAME.fullmatch(path.name) and (path / MANIFEST).is_file())


def locate(chosen: str | None, directory: Path) -> Path:
    """Return the directory of the model that a word means: an embedded one, a folder, or one that was added.

    Args:
        chosen: what somebody wrote; None: the default model. `./fast` is a folder, `fast` the embedded model.
        directory: of added models.

    Raises:
        BundleNotFoundError: it is neither; the message says which names there are.
    """
    if chosen is None:
        return default_bundle_path()
    if chosen in EMBEDDED:
        return embedded_bundle_path(chosen)
    for path in (Path(chosen), *([directory / chosen] if NAME.fullmatch(chosen) else [])):
        if os.path.isdir(path):  # noqa: PTH112 - it is none, where a Path's own method raises: a name that is too long
            return path
    names = ", ".join([*EMBEDDED, *(path.name for path in added(directory))])
    raise BundleNotFoundError(
        f"{chosen} is neither a directory nor the name of a model ({names}): see sightserve model list"
    )
