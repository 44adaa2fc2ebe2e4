"""A folder with a folder for each class -> [walked once; what is no photo passed over] -> examples."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sightserve.imaging.formats import is_photo_name
from sightserve.training.dataset import Example, some
from sightserve.training.errors import TrainError
from sightserve.training.files import shown
from sightserve.training.labels import quoted
from sightserve.training.table import in_table

_TABLE: Final = "labels.csv"
_NO_CLASSES: Final = frozenset(("__MACOSX", "@eaDir", "lost+found", "System Volume Information", "$RECYCLE.BIN"))
# What people call the parts of a dataset that was divided for training.
_LEARNED: Final = frozenset(("train", "training"))
_PARTS: Final = _LEARNED | {"val", "valid", "validation", "dev", "test", "testing", "eval", "holdout"}


@dataclass(slots=True)
class _Found:
    """What one folder has: photos, and folders; names only."""

    photos: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)  # folders elsewhere, which a link leads to


def in_folder(source: Path, notes: list[str]) -> list[Example]:
    """Return the photos of a folder's folders; each one's name is the label of all that is in it, however deep.

    Args:
        source: the folder.
        notes: gets sentences about what was passed over.

    Raises:
        TrainError: there are no such folders.
        OSError: it cannot be listed.
    """
    return _Walk(source, notes).examples()


class _Walk:
    def __init__(self, source: Path, notes: list[str]) -> None:
        self._source, self._notes = source, notes
        self._unlisted: list[str] = []
        self._linked: list[str] = []

    def examples(self) -> list[Example]:
        top = self._list("", must=True)
        prefix, classes = "", self._classes("", top)
        if not top.folders and not top.linked and (table := self._source / _TABLE).is_file():
            self._notes.append(f"{_TABLE} in it says what the photos show")
            return in_table(table, self._notes)
        if len(classes) == 1 and not top.photos and (inner := self._only_folders(classes[0])):
            prefix, classes = f"{classes[0]}/", inner
            self._notes.append(f"the folders in {shown(prefix)} are taken for the classes")
        parts = self._parts(prefix, classes)
        made = parts if parts is not None else self._in_classes(prefix, classes)
        self._say(top, made)
        return made

    def _in_classes(self, prefix: str, classes: Iterable[str]) -> list[Example]:
        made, empty = [], []
        for label in classes:
            found = self._photos_below(f"{prefix}{label}/")
            made += [self._example(label, name) for name in found]
            if not found:
                empty.append(shown(label))
        if empty:
            self._notes.append(
                f"there is no photo in {some(sorted(empty))}: what has none is no class"
                if made
                else f"there is no photo in {some(sorted(empty))}"
            )
        return made

    def _example(self, label: str, name: str) -> Example:
        return Example(Path(f"{self._source}/{name}"), label, shown(name))

    def _only_folders(self, name: str) -> list[str]:
        """Return the folders in a folder that has nothing else and more than one: it was unpacked one level too deep."""
        found = self._list(f"{name}/")
        inside = self._classes(f"{name}/", found)
        return inside if len(inside) > 1 and not found.photos and not _are_parts([name]) else []

    def _parts(self, prefix: str, names: list[str]) -> list[Example] | None:
        """Return the photos of a dataset that was divided, put together again; None where it was not."""
        if not _are_parts(names):
            return None
        inside = {name: self._list(f"{prefix}{name}/") for name in names}
        with_classes = {
            name: self._classes(f"{prefix}{name}/", found)
            for name, found in inside.items()
            if found.folders or found.linked
        }
        if not with_classes and len(names) > 1:
            raise TrainError(
                f"{some(sorted(map(shown, names)))} are parts of a dataset, and there is no folder of a class in them: make "
                f"some in each, such as {shown(names[0])}/ripe and {shown(names[0])}/rotten"
            )
        if not with_classes:
            return None
        made = [
            each for name, classes in with_classes.items() for each in self._in_classes(f"{prefix}{name}/", classes)
        ]
        told = some(sorted(map(shown, with_classes)))
        if len(with_classes) > 1:
            self._notes.append(
                f"{told} are put together: which photos are for measuring is decided here, again and again"
            )
        else:
            self._notes.append(f"the folders in {told} are taken for the classes")
        if loose := sum(len(found.photos) for found in inside.values()):
            where = some([shown(name) for name, found in inside.items() if found.photos])
            self._notes.append(f"{_photos(loose)} in {where} in no folder of a class: passed over")
        return made

    def _photos_below(self, folder: str) -> list[str]:
        """Return the names of all photos in a folder, and in those in it; links to further folders are not followed."""
        photos, walk = [], [folder]
        while walk:
            at = walk.pop()
            found = self._list(at)
            photos += [at + name for name in found.photos]
            walk += [f"{at}{name}/" for name in found.folders]
            self._linked += [shown(at + name) for name in found.linked]
        return photos

    def _classes(self, prefix: str, found: _Found) -> list[str]:
        """Return the names of the folders that may be classes; a link to one is one, unless it leads to where it lies."""
        own = os.path.realpath(f"{self._source}/{prefix}")
        followed = []
        for name in found.linked:
            target = os.path.realpath(f"{self._source}/{prefix}{name}")
            if own == target or own.startswith(f"{target.rstrip('/')}/"):
                self._linked.append(shown(prefix + name))
            else:
                followed.append(name)
        return sorted([*found.folders, *followed])

    def _list(self, folder: str, *, must: bool = False) -> _Found:
        found = _Found()
        try:
            with os.scandir(f"{self._source}/{folder}") as entries:
                for entry in entries:
                    if not entry.name.startswith(".") and entry.name not in _NO_CLASSES:
                        _put(entry, found)
        except OSError:
            if must:
                raise
            self._unlisted.append(shown(folder))
        return found

    def _say(self, top: _Found, made: list[Example]) -> None:
        if not made:
            raise TrainError(self._nothing(top))
        if top.photos:
            self._notes.append(
                f"{_photos(len(top.photos))} beside the folders, as {shown(min(top.photos))}: passed over, since no folder "
                "says what they show"
            )
        if self._linked:
            self._notes.append(
                f"links to folders are not followed inside of classes: {some(sorted(set(self._linked)))}"
            )
        if self._unlisted:
            self._notes.append(f"{some(sorted(set(self._unlisted)))} cannot be listed: what is in there is missing")

    def _nothing(self, top: _Found) -> str:
        example = f"{self._source}/ripe, {self._source}/rotten"
        how = f"make a folder for each class, called as it, and put its photos there: {example}"
        if top.photos:
            return (
                f"{_photos(len(top.photos))} in {self._source}, and no folder says what they show: {how}. Or name a CSV file "
                "with the columns path and label"
            )
        if self._unlisted:
            return f"{self._source} has nothing that can be read: {some(sorted(set(self._unlisted)))} cannot be listed"
        if names := top.folders:
            return f"there is no photo in the folders of {self._source} ({some(sorted(map(quoted, names)))}): {how}"
        return f"{self._source} is empty: {how}"


def _are_parts(names: Iterable[str]) -> bool:
    folded = {name.casefold() for name in names}
    return folded <= _PARTS and bool(folded & _LEARNED)


def _photos(count: int) -> str:
    return "one photo lies" if count == 1 else f"{count:,} photos lie"


def _put(entry: os.DirEntry[str], found: _Found) -> None:
    try:
        if entry.is_dir(follow_symlinks=False):
            found.folders.append(entry.name)
        elif entry.is_symlink():
            mode = Path(entry.path).stat().st_mode  # raises where it leads round in circles, or to nothing
            if stat.S_ISDIR(mode):
                found.linked.append(entry.name)
            elif stat.S_ISREG(mode) and is_photo_name(entry.name):
                found.photos.append(entry.name)
        elif entry.is_file() and is_photo_name(entry.name):
            found.photos.append(entry.name)
    except OSError:
        return
