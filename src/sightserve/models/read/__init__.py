"""Source -> [network, labels, preprocessing, and where each of them stood] -> wrap. A file a kind of source."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from sightserve.models.errors import SourceError
from sightserve.models.read import (
    checkpoint,
    custom_vision,
    hub,
    hugging_face,
    keras_model,
    lobe,
    onnx_file,
    optimum,
    overrides,
    paddle,
    pickles,
    refused,
    timm_models,
    torchvision_models,
    triton,
)
from sightserve.models.read.graph import load
from sightserve.models.source import Options, Reading

# A reader: None where a source is not of its kind. `workspace` is a folder of its own for what it has to write.
Reader = Callable[[str, Options, Path], Reading | None]

# Who knows more of a file comes before who knows only its graph; who refuses, last.
_READERS: Final[tuple[Reader, ...]] = (
    custom_vision.read,
    lobe.read,
    paddle.read,
    triton.read,
    optimum.read,
    onnx_file.read,
    pickles.read,  # refuses what would run code, before PyTorch or Keras see it
    hugging_face.read,
    timm_models.read,
    torchvision_models.read,
    keras_model.read,
    checkpoint.read,
    refused.read,
)


def read(source: str, options: Options, workspace: Path) -> Reading:
    """Return what a source is, with flags in place of what was read, and with labels that can be served.

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
            graph = load(reading.graph)
            reading = overrides.apply(reading, options, size=graph.size)
            return overrides.tidied(reading, graph.classes(reading.output.value if reading.output else None))
    raise SourceError(f"{source} is nothing that is known here")
