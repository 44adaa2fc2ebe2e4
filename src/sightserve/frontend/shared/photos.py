"""A photo as the pages hand it around: its bytes, a name that is safe to show, and a key that its content gives it."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sightserve.imaging.formats import SUFFIXES

TYPES: Final = sorted(SUFFIXES)  # what a file chooser offers: a phone's opens the gallery for these
_LONGEST_NAME: Final = 120
_LONGEST_PATH: Final = 240


@dataclass(frozen=True)
class Photo:
    """One photo: what a person called it, and its bytes as they came.

    Attributes:
        width: pixels, upright, before the browser made it smaller to be sent; 0 where no browser could tell.
        height: the same.
    """

    name: str
    data: bytes
    width: int = 0
    height: int = 0

    @cached_property
    def key(self) -> str:
        """Return the SHA-256 of the bytes: the same photo is the same, whatever it is called."""
        return hashlib.sha256(self.data).hexdigest()


def shown_name(name: str) -> str:
    """Return a file's name as it is safe to show: its last path component, printable, of bounded length."""
    return _bounded(name.replace("\\", "/").rsplit("/", 1)[-1]) or "photo"


def shown_path(name: str) -> str:
    """Return a file's path in its folder or zip as it is safe to show: cameras number the photos of each day alike.

    It leads nowhere outside: it has neither a root nor a step upwards. A path that is too long loses its first folders.
    """
    parts = [_bounded(part) for part in name.replace("\\", "/").split("/")]
    parts = [part for part in parts if part not in {"", ".", ".."}]
    shown = "/".join(parts)
    while len(shown) > _LONGEST_PATH:
        parts = parts[1:]
        shown = "/".join(("…", *parts))
    return shown or "photo"


def _bounded(part: str) -> str:
    """Return a part of a path without what is not printable, and with a bounded length; its suffix stays."""
    printable = "".join(character for character in part if character.isprintable()).strip()
    if len(printable) > _LONGEST_NAME:
        stem, suffix = printable[:-12], printable[-12:]
        printable = stem[: _LONGEST_NAME - 13] + "…" + suffix
    return printable
