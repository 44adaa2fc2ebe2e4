"""Files that came in -> [which class each belongs to] -> the collection: photos of a class, a folder or a zip of classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sightserve.frontend.inbox import widget
from sightserve.frontend.inbox.archive import ArchiveRefused, open_zip
from sightserve.frontend.inbox.sources import FileRefused, Source, is_litter
from sightserve.frontend.inbox.store import File, inbox
from sightserve.frontend.inbox.widget import Came
from sightserve.frontend.shared import words
from sightserve.frontend.shared.ledger import NoRoom
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.teach.collection import MOST_CLASSES, Collection, Group, TooMany

ALL: Final = "classes"  # the place for a folder or a zip of classes
_TOLD: Final = 3  # files named for one reason
_FULL: Final = "There is no room for more photos. Remove some, or ask who runs this app for more room."
MANY: Final = f"There are {MOST_CLASSES} classes already, which is the most."
_LOOSE: Final = (
    "They lie in no folder: put the photos of each class into a folder of its name, or drop them on a class."
)

Thing = TypeVar("Thing", File, Source)


@dataclass(slots=True)
class News:
    """What became of files that came in.

    Attributes:
        added: how many photos are new, by class.
        problems: what was left out, by reason.
        same: how many were there already.
    """

    added: dict[str, int] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    same: int = 0

    def refuse(self, why: str, name: str) -> None:
        """Take note of a file that was left out."""
        self.problems.setdefault(why, []).append(name)

    def took(self, group: Group, *, new: bool) -> None:
        """Take note of a photo that is here."""
        self.added[group.name] = self.added.get(group.name, 0) + new
        self.same += not new

    def sentences(self) -> list[str]:
        """Return what was left out, in Markdown."""
        told = []
        for why, names in self.problems.items():
            shown = ", ".join(words.plain(name) for name in names[:_TOLD] if name)
            more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
            told.append(f"**{shown}{more}:** {why}" if shown else why)
        return told


def place_of(group: Group) -> str:
    """Return the place that a class's photos come in at."""
    return f"class-{group.number}"


def take(collection: Collection, group: Group | None) -> tuple[Came, News]:
    """Move what came in into the collection, within the news of it.

    Args:
        collection: where to.
        group: whose place it is; None: that of all classes.
    """
    place, news = ALL if group is None else place_of(group), News()
    came = widget.came(place)
    for refusal in came.refused:
        news.refuse(str(widget.explain(refusal, place)), refusal.name)
    pick = inbox().pick(place)
    if pick is not None:
        files = pick.hand_over_all()
        inbox().clear(place)
        if group is None:
            _sort_in(collection, files, news)
        else:
            for file in files:
                _adopt(collection, group, file, news)
    return came, news


def _adopt(collection: Collection, group: Group, file: File, news: News) -> None:
    taken = False
    try:
        if file.size > settings().max_upload_bytes:
            news.refuse(f"This file is too large: {settings().max_upload_mb} MB is the most.", file.name)
            return
        taken = collection.adopt(group, file)
        news.took(group, new=taken)
    except (TooMany, OSError):
        news.refuse(_FULL, file.name)
    finally:
        if not taken:
            file.let_go()


def _sort_in(collection: Collection, files: Sequence[File], news: News) -> None:
    zips = [file for file in files if file.name.lower().endswith(".zip")]
    photos = [file for file in files if not file.name.lower().endswith(".zip")]
    for label, file in _by_class(photos, news):
        group = _group(collection, label, file.name, news) if label else None
        if group is None:
            file.let_go()
        else:
            _adopt(collection, group, file, news)
    for file in zips:
        _unpack(collection, file, news)
        file.let_go()


def _unpack(collection: Collection, file: File, news: News) -> None:
    if file.path is None:
        return
    try:
        contents = open_zip(file.path, max_photos=5000, max_bytes=settings().max_upload_bytes)
    except ArchiveRefused as refused:
        news.refuse(str(refused.message), file.name)
        return
    except OSError:
        news.refuse(_FULL, file.name)
        return
    if not contents.photos:
        news.refuse(f"There are no photos in this zip. {words.FORMATS} files count as such.", file.name)
    for label, source in _by_class(contents.photos, news):
        group = _group(collection, label, source.name, news) if label else None
        if group is None:
            continue
        try:
            news.took(group, new=collection.add(group, source.name, source.read()))
        except FileRefused as refused:
            news.refuse(str(refused.message), source.name)
        except (NoRoom, TooMany, OSError):
            news.refuse(_FULL, source.name)


def _group(collection: Collection, label: str, name: str, news: News) -> Group | None:
    try:
        return collection.for_class(label)
    except TooMany:
        news.refuse(MANY, name)
        return None


def _by_class(things: Sequence[Thing], news: News) -> Iterable[tuple[str, Thing]]:
    """Yield each with its class: its folder's name, below the one that all are in. Empty for those that are in none."""
    paths = [thing.name.split("/") for thing in things]
    while paths and max(map(len, paths)) > 2 and len({path[0] for path in paths}) == 1:  # noqa: PLR2004 - class and file
        paths = [path[1:] or path for path in paths]
    for path, thing in zip(paths, things, strict=True):
        label = path[0] if len(path) > 1 and not is_litter(thing.name) else ""
        if not label:
            news.refuse(_LOOSE, thing.name)
        yield label, thing
