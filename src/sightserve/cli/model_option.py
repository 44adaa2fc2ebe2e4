"""How commands name a model: an embedded one, one that was added, or a bundle's directory."""

from pathlib import Path
from typing import Final

from sightserve.cli.extras import fail, needs

MODEL_HELP: Final = (
    "accurate or fast: embedded; the name of one that was added (sightserve model list); or a bundle's directory."
)


def find_model(chosen: str) -> Path:
    """Return the directory of the model that somebody named; ends the command where there is none."""
    with needs("backend"):
        from sightserve.bundle.errors import BundleNotFoundError
        from sightserve.bundle.store import locate, models_directory
    try:
        return locate(chosen, models_directory())
    except BundleNotFoundError as exc:
        fail(str(exc))
