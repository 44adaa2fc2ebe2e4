"""Feedback -> [files that other tools read] -> a folder for training, a table, or tasks for Label Studio."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import sqlalchemy as sa

from sightserve.feedback.corrected import photo_of
from sightserve.feedback.database import Database
from sightserve.feedback.stats import last_words, truth
from sightserve.feedback.tables import photo, prediction
from sightserve.spreadsheet import as_csv

_COLUMNS: Final = (
    *("id", "time", "model", "version", "label", "probability", "recognised", "verdict", "correction", "note"),
    *("judged", "photo", "width", "height", "format", "image_sha256", "source"),
)
_LONGEST: Final = 200  # bytes of a name: with what is added, fewer than the 255 of most file systems
_UNSAFE: Final = re.compile('[\x00-\x1f\x7f-\x9f<>:"/\\\\|?*\u200e\u200f\u2028-\u202e\u2066-\u2069]')
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class OutError(Exception):
    """OUT cannot be written to; the message says why."""


def folder(database: Database, out: Path) -> int:
    """Write each photo whose label is known as OUT/label/ID.jpg; return how many."""
    _new(out)
    written = 0
    for row, data in _with_photos(database):
        label = truth(row)
        if label is None:
            continue
        place = out / safe(label)
        place.mkdir(exist_ok=True)
        (place / f"{safe(row.id)}.jpg").write_bytes(data)
        written += 1
    return written


def table(database: Database, out: Path) -> int:
    """Write a row for each answer that was judged, with the last that was said of it; return how many."""
    if out.exists():
        raise OutError(f"{out} is there already: name a new file")
    rows = list(_rows(database))
    has_photo = sa.select(photo.c.prediction).where(photo.c.kept)
    with database.reading() as connection:
        photos = set(connection.scalars(has_photo))
    cells = (
        (
            *(
                row.id,
                row.at.isoformat(),
                row.model_name,
                row.model_version,
                row.label,
                row.probability,
                row.recognised,
            ),
            *(row.verdict, row.said, row.note, row.said_at.isoformat(), row.id in photos),
            *(row.width, row.height, row.format, row.image_sha256, row.source),
        )
        for row in rows
    )
    # the BOM tells Excel that it is UTF-8
    out.write_text(as_csv(_COLUMNS, cells), encoding="utf-8-sig", newline="")
    return len(rows)


def label_studio(database: Database, out: Path) -> int:
    """Write OUT/tasks.json, OUT/photos and OUT/config.xml; return how many tasks.

    The photos are found by Label Studio's local storage, with OUT as its document root.
    """
    _new(out)
    (out / "photos").mkdir()
    tasks: list[dict[str, Any]] = []
    labels: set[str] = set()
    for row, data in _with_photos(database):
        name = f"{safe(row.id)}.jpg"
        (out / "photos" / name).write_bytes(data)
        label = truth(row)
        labels |= {each for each in (row.label, label) if each is not None}
        task: dict[str, Any] = {
            "data": {"image": f"/data/local-files/?d=photos/{name}", "id": row.id, "note": row.note},
            "predictions": [
                {
                    "model_version": f"{row.model_name} {row.model_version}",
                    "score": row.probability,
                    "result": [_choice(row.label)],
                }
            ],
        }
        if label is not None:
            task["annotations"] = [{"result": [_choice(label)]}]
        tasks.append(task)
    (out / "tasks.json").write_text(json.dumps(tasks, indent=1, ensure_ascii=False), encoding="utf-8")
    choices = "".join(f"\n    <Choice value={quoteattr(label)}/>" for label in sorted(labels))
    (out / "config.xml").write_text(
        '<View>\n  <Image name="image" value="$image"/>\n'
        f'  <Choices name="label" toName="image">{choices}\n  </Choices>\n</View>\n',
        encoding="utf-8",
    )
    return len(tasks)


def safe(name: str) -> str:
    """Return a name that every file system takes and that leads nowhere else; different ones stay different."""
    kept = _UNSAFE.sub("_", name).encode()[:_LONGEST].decode(errors="ignore").strip(" .")
    if kept == name and not _DEVICES.fullmatch(name):
        return name
    return f"{kept or '_'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _choice(label: str) -> dict[str, Any]:
    return {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [label]}}


def _rows(database: Database, *where: sa.ColumnElement[bool]) -> Iterator[Any]:
    query = last_words(*where).order_by(prediction.c.at, prediction.c.id)
    with database.reading() as connection:
        yield from connection.execute(query, execution_options={"yield_per": 1000})


def _with_photos(database: Database) -> Iterator[tuple[Any, bytes]]:
    kept = sa.select(photo.c.prediction).where(photo.c.kept)
    for row in _rows(database, prediction.c.id.in_(kept)):
        if (data := photo_of(database, row.id)) is not None:
            yield row, data


def _new(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutError(f"{out} is there already, and not an empty folder: name a new one")
    out.mkdir(parents=True, exist_ok=True)
