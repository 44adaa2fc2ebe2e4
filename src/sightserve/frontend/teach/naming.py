"""What people type as names of models, classes and files, as folders and command lines can have it."""

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final

from sightserve.imaging.formats import SUFFIXES

LONGEST: Final = 60  # characters of a class's name
_LONGEST_MODEL: Final = 40
_LONGEST_STEM: Final = 40
_EMBEDDED: Final = frozenset({"accurate", "fast"})  # these names are taken
_UNWANTED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def model_name(subject: str) -> str:
    """Return what a model about this is called; empty where nobody said what it is about."""
    written = _text(subject)
    if not written:
        return ""
    plain = unicodedata.normalize("NFKD", written).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_MODEL].strip("-")
    if not name:  # of a script that has no letters of these
        name = "model-" + hashlib.sha256(written.encode()).hexdigest()[:6]
    return f"my-{name}" if name in _EMBEDDED else name


def class_name(text: str) -> str:
    """Return a class's name as a folder can have it, and a line of text; empty where nothing is left."""
    name = _text(text).replace("/", "-").replace("\\", "-")
    return name.lstrip(".").strip()[:LONGEST].strip()


def meaning(name: str) -> str:
    """Return what two names have in common that mean the same class."""
    return unicodedata.normalize("NFC", name).casefold()


def file_name(name: str, number: int) -> str:
    """Return what a photo's file is called: recognisable, and like no other's."""
    path = PurePosixPath(name.rsplit("/", 1)[-1])
    stem = re.sub(r"[^\w -]+", "_", path.stem).strip(" _.-")[:_LONGEST_STEM] or "photo"
    suffix = path.suffix.lower()
    return f"{stem}-{number}{suffix if suffix in SUFFIXES else '.jpg'}"  # the bytes say what it is


def _text(text: str) -> str:
    shown = "".join(" " if unicodedata.category(each) in _UNWANTED else each for each in text)
    return unicodedata.normalize("NFC", " ".join(shown.split()))
