"""Source -> [network, labels, preprocessing, and where each of them stood] -> wrap. A file a kind of source."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from sightserve.models.errors import SourceError
from sightserve.models.source import Options, Reading

# A reader: None where a source is not of its kind. `workspace` is a folder of its own for what it has to write.
Reader = Callable[[str, Options, Path], Reading | None]

_READERS: Final[tuple[Reader, ...]] = ()


def read(source: str, options: Options, workspace: Path) -> Reading:
    """Return what a source is.

    Args:
        source: a path, or hf:, timm: or torchvision: and a name.
        options: what the command line says.
        workspace: an empty folder, for a network that has to be exported.

    Raises:
        AddError: see `errors`.
    """
    for reader in _READERS:
        if reading := reader(source, options, workspace):
            return reading
    raise SourceError(f"{source} is nothing that is known here")
