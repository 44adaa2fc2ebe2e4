"""A network's file -> [labels in a file beside it], under the names that people give such files."""

from pathlib import Path
from typing import Final

from sightserve.models.errors import SourceError
from sightserve.models.read.labels import read_labels
from sightserve.models.source import Fact

_NAMES: Final = (
    "labels.txt", "classes.txt", "class_names.txt", "label_list.txt", "categories.txt", "names.txt", "label.txt",
    "labels.json", "classes.json", "class_names.json", "class_indices.json", "idx_to_class.json", "index_to_name.json",
    "class_to_idx.json", "label_map.json", "id2label.json", "label2id.json", "labels.csv", "classes.csv",
    "imagenet_classes.txt", "imagenet_class_index.json", "synset.txt", "synset_words.txt",
)  # fmt: skip


def labels_beside(folder: Path, stem: str, classes: int | None) -> tuple[Fact[tuple[str, ...]] | None, tuple[str, ...]]:
    """Return labels in a file of the folder, and what a person should know of those that were not taken.

    Args:
        folder: of the network.
        stem: of the network's file: cats.onnx may have cats.txt beside it.
        classes: of the network; a file with another number of labels belongs to something else.
    """
    own = (f"{stem}{ending}" for ending in (".txt", ".labels", ".names", ".json", "_labels.txt", "-labels.txt"))
    found: Fact[tuple[str, ...]] | None = None
    notes: list[str] = []
    for name in dict.fromkeys((*own, *_NAMES)):
        path = folder / name
        if not path.is_file():
            continue
        try:
            labels = read_labels(path)
        except SourceError as exc:
            if name in _NAMES:
                notes.append(f"{name} beside it was not taken for labels: {exc}")
            continue
        if classes is not None and len(labels) != classes:
            if name in _NAMES:
                notes.append(
                    f"{name} beside it has {len(labels):,} labels, and the network {classes:,} classes: not taken"
                )
        elif found is None:
            found = Fact(labels, f"{name} beside it")
        elif labels != found.value:
            notes.append(
                f"{name} beside it has other labels than {found.source.removesuffix(' beside it')}, which was taken"
            )
    return found, tuple(notes)
