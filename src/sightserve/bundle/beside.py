"""What may lie in a bundle's directory beside what its manifest names: it is not served; a report goes into no image."""

from pathlib import Path
from typing import Final

NOTICE: Final = "NOTICE"  # what the licence of its weights asks to go with them: into an image too
REPORT_JSON: Final = "report.json"
REPORT_PAGE: Final = "report.html"  # with photos that the model was trained on, which are nobody else's business
_IGNORING: Final = (
    ".dockerignore",
    ".gcloudignore",
)  # of whatever builds an image of the directory, or sends it to be built
_IGNORED: Final = (REPORT_PAGE, REPORT_JSON, *_IGNORING)
_TEXT: Final = "# The report shows photos: it goes into no image.\n" + "".join(f"{name}\n" for name in _IGNORED)


def keep_out_of_images(directory: Path) -> None:
    """Have whatever builds an image of a bundle's directory leave its report out."""
    for name in _IGNORING:
        (directory / name).write_text(_TEXT, encoding="utf-8")


def kept_out_of_images(directory: Path) -> frozenset[str]:
    """Return the names of the files here that get into no image."""
    try:
        told = all((directory / name).read_text(encoding="utf-8") == _TEXT for name in _IGNORING)
    except (OSError, ValueError):
        return frozenset()
    return frozenset(_IGNORED) if told else frozenset()
