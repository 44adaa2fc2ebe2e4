"""wrap -> [a bundle's directory, whole or not at all] -> verify, and in the end the folder of added models."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sightserve.bundle.manifest import Manifest
from sightserve.bundle.verify import MANIFEST
from sightserve.models.errors import AddError
from sightserve.models.graph import external_files

GRAPH: Final = "model.onnx"
LABELS: Final = "labels.txt"
CLASS_MAP: Final = "class_map.onnx"


def write(
    directory: Path,
    graph: Path,
    labels: Sequence[str],
    samples: Sequence[tuple[str, Path]],
    class_map: tuple[str, Path] | None = None,
    **facts: Any,
) -> Manifest:
    """Write a bundle's files; what was in them before is replaced.

    Args:
        directory: an existing one.
        graph: of the model, with its external data beside it.
        labels: in the model's order, distinct.
        samples: titles and photos for the page.
        class_map: the graph's output with its last feature map, and the graph that makes heat maps of that.
        facts: of the manifest, beside the files.
    """
    refs: dict[str, Any] = {}
    for old in directory.glob(f"{GRAPH}*"):
        old.unlink()
    _copied(graph, directory / GRAPH)
    refs["model"] = _ref(directory / GRAPH)
    names = external_files(graph)
    for name in names:  # under the names by which the graph knows them
        _copied(graph.with_name(name), directory / name)
    refs["external_data"] = [_ref(directory / name) for name in names]
    (directory / LABELS).write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    refs["labels"] = _ref(directory / LABELS)
    if class_map is not None:
        output, cells = class_map
        _copied(cells, directory / CLASS_MAP)
        refs["heat_map"] = {"output": output, "classifier": _ref(directory / CLASS_MAP)}
    page = dict(facts.pop("page", {}))
    page["samples"] = list(_samples(directory, samples))
    content = {"format": 2, **refs, "classes": len(labels), **facts, "page": page}
    manifest = Manifest.model_validate_json(json.dumps(content))
    text = manifest.model_dump_json(indent=2, exclude_none=True, exclude_defaults=False)
    (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def _copied(source: Path, target: Path) -> None:
    if source.resolve() != target.resolve():
        shutil.copyfile(source, target)


def _samples(directory: Path, samples: Sequence[tuple[str, Path]]) -> Iterator[Mapping[str, Any]]:
    for number, (title, photo) in enumerate(samples):
        target = directory / f"sample{number}{photo.suffix.lower()}"
        _copied(photo, target)
        yield {"title": title, "photo": _ref(target)}


def _ref(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {"file": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


@contextmanager
def staged(final: Path, *, replace: bool) -> Iterator[Path]:
    """Yield a directory that becomes `final` when all went well: nobody ever sees half a bundle.

    Raises:
        AddError: `final` is there already, and is not to be replaced.
    """
    _check_free(final, replace=replace)
    final.parent.mkdir(parents=True, exist_ok=True)
    # beside it: only within one file system a rename is one step
    made = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    try:
        yield made
        made.chmod(0o755)
        _check_free(final, replace=replace)  # somebody may have made one meanwhile
        if final.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{final.name}.old.", dir=final.parent))
            final.rename(old / final.name)
            made.rename(final)
            shutil.rmtree(old, ignore_errors=True)
        else:
            made.rename(final)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _check_free(final: Path, *, replace: bool) -> None:
    if final.exists() and not replace:
        raise AddError(
            f"there is a model {final.name} already: name this one otherwise with --name, or --replace that one"
        )
