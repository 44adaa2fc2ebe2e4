"""Deploying: a bundle -> [what its image is called, and how much memory it takes] -> options. Reads it, and sends nothing."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sightserve.backend.ram import shares
from sightserve.backend.scheduler.limits import enough_memory
from sightserve.bundle.beside import NOTICE, kept_out_of_images
from sightserve.bundle.errors import BundleError
from sightserve.bundle.manifest import EMBEDDED, Bundle, load_bundle
from sightserve.bundle.store import locate
from sightserve.bundle.verify import MANIFEST

_HEXDIGITS: Final = 12
_MIB: Final = 2**20
# vCPUs -> the most memory that Cloud Run gives them (https://cloud.google.com/run/docs/configuring/services/memory-limits), MiB
MOST_MEMORY: Final = {1: 4096, 2: 8192, 4: 16384, 6: 24576, 8: 32768}


class UnfitModel(ValueError):
    """A model cannot be deployed as it is; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model of one's own that goes into the backend's image.

    Attributes:
        directory: of the bundle.
        name: in its manifest.
        version: in its manifest.
        digest: twelve digits that other files do not have.
        size: bytes of its files that are loaded.
    """

    directory: Path
    name: str
    version: str
    digest: str
    size: int


def read_model(chosen: str, models: Path) -> Model | None:
    """Return the model that somebody named, with all of it verified; None for an embedded one, which every image has.

    Args:
        chosen: a directory, or the name of an embedded or an added model.
        models: the folder of added models.

    Raises:
        UnfitModel: it is not there or is damaged, or other files lie beside it.
    """
    if chosen in EMBEDDED:
        return None
    try:
        bundle = load_bundle(locate(chosen, models))
    except BundleError as exc:
        raise UnfitModel(str(exc)) from exc
    directory = bundle.directory.resolve()
    beside = {str(path.relative_to(directory)) for path in directory.rglob("*")} - files_of(bundle)
    if others := sorted(beside - kept_out_of_images(directory)):
        shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")  # noqa: PLR2004
        raise UnfitModel(f"{directory} holds what is no part of the model, and would be sent along: move {shown} away")
    manifest = bundle.manifest
    digest = hashlib.sha256((directory / MANIFEST).read_bytes()).hexdigest()  # which has those of all other files
    return Model(directory, manifest.name, manifest.version, digest[:_HEXDIGITS], bundle.size)


def files_of(bundle: Bundle) -> set[str]:
    """Return the names of all files that a bundle may have."""
    manifest = bundle.manifest
    refs = [manifest.model, manifest.labels, *manifest.external_data, *(each.photo for each in manifest.page.samples)]
    refs += [manifest.kinds] if manifest.kinds else []
    refs += [manifest.heat_map.classifier] if manifest.heat_map else []
    return {MANIFEST, NOTICE, *(ref.file for ref in refs)}


def memory_for(model: Model, cpu: int) -> int:
    """Return the MiB in which a backend with so many vCPUs refuses no photo within its limits.

    Raises:
        UnfitModel: Cloud Run does not give them so much.
    """
    wanted = int(enough_memory(cpu, model.size) * 1024)
    if wanted > MOST_MEMORY.get(cpu, wanted):
        least = next(
            (more for more, most in MOST_MEMORY.items() if enough_memory(more, model.size) * 1024 <= most), None
        )
        instead = f"--cpu {least}" if least else "a smaller model, such as one in int8"
        raise UnfitModel(
            f"{model.name} has {model.size / 1e6:.0f} MB and takes {wanted}Mi with {cpu} vCPUs, which get {MOST_MEMORY[cpu]}Mi"
            f" at most: take {instead}"
        )
    return wanted


def check_memory(model: Model, cpu: int, memory: int) -> str:
    """Return a warning where so many MiB are few; empty where they are enough.

    Raises:
        UnfitModel: not even its slots have room.
    """
    wanted = int(enough_memory(cpu, model.size) * 1024)
    if memory >= wanted:
        return ""
    # where nothing is left for pictures, the least that there is for them is dealt out all the same
    if shares(memory * _MIB, cpu, model.size).pixels <= shares(0, cpu, model.size).pixels:
        raise UnfitModel(
            f"memory {memory}Mi: {model.name} has {model.size / 1e6:.0f} MB, and {cpu} vCPUs with it need more to start;"
            f" {wanted}Mi is enough for all photos"
        )
    return f"memory {memory}Mi: with {model.name} large photos will be refused; {wanted}Mi is enough for all"
