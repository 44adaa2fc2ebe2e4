"""Source -> [network, labels, preprocessing, and where each of them stood] -> wrap. A file a kind of source."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from sightserve.models.errors import SourceError
from sightserve.models.read import checkpoint, hub, hugging_face, keras_model, timm_models, torchvision_models
from sightserve.models.source import Options, Reading

# A reader: None where a source is not of its kind. `workspace` is a folder of its own for what it has to write.
Reader = Callable[[str, Options, Path], Reading | None]

_READERS: Final[tuple[Reader, ...]] = (
    hugging_face.read,
    timm_models.read,
    torchvision_models.read,
    keras_model.read,
    checkpoint.read,
)


def read(source: str, options: Options, workspace: Path) -> Reading:
    """Return what a source is.

    Args:
        source: a path, or hf:, timm: or torchvision: and a name.
        options: what the command line says.
        workspace: an empty folder, for a network that has to be exported.

    Raises:
        AddError: see `errors`.
    """
    if fetched := hub.fetch(source):
        found = read(str(fetched.folder), options, workspace)
        return replace(found, name=fetched.name, description=f"{found.description} ({fetched.where})".strip())
    for reader in _READERS:
        if reading := reader(source, options, workspace):
            return reading
    raise SourceError(f"{source} is nothing that is known here")
