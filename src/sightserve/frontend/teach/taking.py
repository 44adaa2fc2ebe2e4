"""The trained model as files that people take home: its bundle as a zip, and the report."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MANIFEST: Final = "manifest.json"
REPORT: Final = "report.html"
_BESIDE: Final = ("report.json", REPORT)


def bundle(directory: Path) -> io.BytesIO:
    """Return a model's directory as a zip: the files that its manifest names, and the report.

    Raises:
        OSError, ValueError: it is not there any more, or is no model.
    """
    target = io.BytesIO()
    manifest = (directory / MANIFEST).read_bytes()
    names = [MANIFEST, *dict.fromkeys(_files(json.loads(manifest))), *_BESIDE]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in names:
            path = directory / name
            if path.is_file():
                archive.write(path, f"{directory.name}/{name}")
    target.seek(0)
    return target


def _files(value: object) -> Iterator[str]:
    """Yield the files that a manifest refers to, wherever in it."""
    if isinstance(value, dict):
        name = value.get("file")
        if isinstance(name, str) and "sha256" in value and name == Path(name).name:
            yield name
        for inner in value.values():
            yield from _files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files(inner)
