"""The photos that somebody teaches with: on the disk, in a folder of their session that goes with it, booked in the ledger."""

import hashlib
import os
import shutil
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sightserve.frontend.inbox.store import File
from sightserve.frontend.shared.ledger import Account, Booking, Place
from sightserve.frontend.shared.preview import Pictures, pictures
from sightserve.frontend.shared.workspace import workspace
from sightserve.frontend.teach.naming import class_name, file_name, meaning

MOST_CLASSES: Final = 50
MOST_PHOTOS: Final = 20_000
_SMALL: Final = 128  # pixels, longest side: one of many
_LARGE: Final = 360


class TooMany(Exception):
    """There are as many photos, or classes, as there may be."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One photo.

    Attributes:
        id: of it in this session.
        name: as a person knows it.
        path: where it lies.
        digest: SHA-256 of its bytes.
        booking: of its bytes.
    """

    id: str
    name: str
    path: Path
    digest: str
    booking: Booking


@dataclass(slots=True)
class Group:
    """One class; the newest photo is the last."""

    number: int
    name: str
    photos: dict[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The photos as they are at a moment, in a folder for each class.

    Attributes:
        folder: that has these folders.
        photos: the ids, by path below the folder.
    """

    folder: Path
    photos: Mapping[str, str]


class Collection:
    """All classes of one session. Safe to use from any thread."""

    def __init__(self, account: Account) -> None:
        """Begin with two classes and no photos.

        Raises:
            OSError: there is no place for a folder.
        """
        self._account = account
        self._folder = workspace().folder()
        for name in ("photos", "pictures"):
            (self._folder / name).mkdir()
        self._lock = threading.RLock()
        self._numbers = 0
        self._closed = False
        self._shown = account.book(0, Place.DISK)  # the pictures
        self.groups: list[Group] = []
        self._gone = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        for _ in range(2):
            self.add_class()

    @property
    def count(self) -> int:
        """Photos of all classes."""
        return sum(len(group.photos) for group in self.groups)

    def group(self, number: int) -> Group | None:
        """Return the class of this number."""
        return next((group for group in self.groups if group.number == number), None)

    def named(self, name: str) -> Group | None:
        """Return the class of this name."""
        return next((group for group in self.groups if meaning(group.name) == meaning(name)), None)

    def add_class(self, name: str = "") -> Group:
        """Return a new class.

        Raises:
            TooMany: there are as many as there may be.
        """
        with self._lock:
            if len(self.groups) >= MOST_CLASSES:
                raise TooMany
            number = max((group.number for group in self.groups), default=0) + 1
            while number in {group.number for group in self.groups} or self.named(f"Class {number}"):
                number += 1
            group = Group(number, class_name(name) or f"Class {number}")
            self.groups.append(group)
            return group

    def for_class(self, name: str) -> Group:
        """Return the class of this name: one that is here, one that has neither photos nor a name of its own, or a new one.

        Raises:
            TooMany: there are as many as there may be.
        """
        with self._lock:
            known = self.named(name)
            if known is None:
                unused = (g for g in self.groups if not g.photos and g.name == f"Class {g.number}")
                known = next(unused, None) or self.add_class()
                known.name = class_name(name) or known.name
            return known

    def rename(self, number: int, text: str) -> str:
        """Give a class another name; return the one that it has from now on."""
        with self._lock:
            group = self.group(number)
            if group is None:
                return text
            group.name = class_name(text) or f"Class {number}"
            return group.name

    def remove_class(self, number: int) -> None:
        """Remove a class with its photos."""
        with self._lock:
            group = self.group(number)
            if group is not None:
                self.groups.remove(group)
                for photo in group.photos.values():
                    self._let_go(photo)

    def adopt(self, group: Group, file: File) -> bool:
        """Take a file that lies on the disk; return whether it is new in its class.

        Raises:
            TooMany: there are as many photos as there may be.
            OSError: it is not there any more.
        """
        if file.path is None:
            raise FileNotFoundError(file.name)
        with file.path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        with self._lock:
            if not self._is_new(group, digest):
                return False
            photo = self._next(group, file.name, digest, file.booking)
            file.move_to(photo.path)
        return True

    def add(self, group: Group, name: str, data: bytes) -> bool:
        """Take a photo; return whether it is new in its class.

        Raises:
            NoRoom: the ledger has none.
            TooMany: there are as many photos as there may be.
            OSError: the disk has no room.
        """
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            if not self._is_new(group, digest):
                return False
            booking = self._account.reserve(len(data), Place.DISK)
            self._next(group, name, digest, booking).path.write_bytes(data)
        return True

    def remove(self, photo_id: str) -> None:
        """Remove a photo."""
        with self._lock:
            for group in self.groups:
                photo = group.photos.pop(photo_id, None)
                if photo is not None:
                    self._let_go(photo)

    def move(self, photo_id: str, name: str) -> None:
        """Put a photo into another class."""
        with self._lock:
            target, photo = self.named(name), self.photo(photo_id)
            if target is None or photo is None:
                return
            for group in self.groups:
                group.photos.pop(photo_id, None)
            target.photos[photo_id] = photo

    def photo(self, photo_id: str) -> Kept | None:
        """Return a photo, which may have been removed."""
        return next((group.photos[photo_id] for group in self.groups if photo_id in group.photos), None)

    def class_of(self, photo_id: str) -> Group | None:
        """Return the class that a photo is in now."""
        return next((group for group in self.groups if photo_id in group.photos), None)

    def picture(self, photo: Kept, owner: str, *, large: bool = False) -> bytes | None:
        """Return a small JPEG of a photo, made once; None where it cannot be shown."""
        made = {size: self._folder / "pictures" / f"{photo.id}-{size}.jpg" for size in (_SMALL, _LARGE)}
        wanted = made[_LARGE if large else _SMALL]
        with suppress(OSError):
            return wanted.read_bytes() or None
        try:
            seen = pictures(photo.path.read_bytes(), _LARGE, _SMALL, owner)
            if not isinstance(seen, Pictures):
                if seen.lasting:
                    wanted.touch()
                return None
            made[_LARGE].write_bytes(seen.preview)
            made[_SMALL].write_bytes(seen.thumbnail)
        except OSError:  # removed meanwhile, or no room for a picture
            return None
        self._shown.add(len(seen.preview) + len(seen.thumbnail))
        return seen.preview if large else seen.thumbnail

    def fingerprint(self) -> str:
        """Return what changes with whatever there is to learn from."""
        with self._lock:
            lines = sorted(f"{group.name}/{photo.digest}" for group, photo in self._all())
        return hashlib.sha256("\n".join(lines).encode(errors="replace")).hexdigest()

    def snapshot(self) -> Snapshot:
        """Return the photos as they are; what becomes of them here afterwards changes nothing there.

        Raises:
            OSError: there is no place for it.
        """
        with self._lock:
            if self._closed:
                raise OSError("this session has ended")
            folder = self._folder / "learned-from"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            photos = {}
            for group, photo in self._all():
                (folder / group.name).mkdir(exist_ok=True)
                name = f"{group.name}/{photo.path.name}"
                os.link(photo.path, folder / name)
                photos[name] = photo.id
        return Snapshot(folder, photos)

    def close(self) -> None:
        """Remove everything."""
        with self._lock:
            self._closed = True
            for group in self.groups:
                for photo in group.photos.values():
                    photo.booking.release()
                group.photos.clear()
        self._shown.release()
        self._gone()

    def _all(self) -> Iterator[tuple[Group, Kept]]:
        for group in self.groups:
            for photo in group.photos.values():
                yield group, photo

    def _is_new(self, group: Group, digest: str) -> bool:
        if self._closed or self.count >= MOST_PHOTOS:
            raise TooMany
        return all(photo.digest != digest for photo in group.photos.values())

    def _next(self, group: Group, name: str, digest: str, booking: Booking) -> Kept:
        self._numbers += 1
        path = self._folder / "photos" / file_name(name, self._numbers)
        photo = Kept(str(self._numbers), name, path, digest, booking)
        group.photos[photo.id] = photo
        return photo

    def _let_go(self, photo: Kept) -> None:
        for path in (photo.path, *(self._folder / "pictures").glob(f"{photo.id}-*.jpg")):
            path.unlink(missing_ok=True)
        photo.booking.release()
