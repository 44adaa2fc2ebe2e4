"""Photos that a report shows -> [small JPEGs, made by a worker in its sandbox, never in this process] -> page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sightserve.previews.pool import NoPicture, Pool, Why

SIDE: Final = 160  # px, the longest
_QUALITY: Final = 80
_MOST_BYTES: Final = 100_000_000  # of a file
_MOST_PIXELS: Final = 60_000_000
_SECONDS: Final = 5.0
_WORDS: Final = {
    Why.TOO_LARGE: "too large to be shown",
    Why.UNKNOWN_KIND: "no photo that can be shown",
    Why.DAMAGED: "damaged",
    Why.TOO_SLOW: "takes too long to be shown",
    Why.BUSY: "not shown: this machine is busy",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo, small.

    Attributes:
        jpeg: its bytes.
        width, height: in pixels.
    """

    jpeg: bytes
    width: int
    height: int


def pictures(names: Iterable[str], paths: Mapping[str, Path]) -> dict[str, Picture | str]:
    """Return what there is to show of these photos, by name; where there is no picture, why, in words."""
    pool = Pool(seconds=_SECONDS, max_pixels=_MOST_PIXELS)
    try:
        return {name: _picture(pool, paths.get(name)) for name in dict.fromkeys(names)}
    finally:
        pool.close()


def _picture(pool: Pool, path: Path | None) -> Picture | str:
    try:
        if path is None or not path.is_file():
            return "is not there any more"
        with path.open("rb") as file:
            photo = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        return f"cannot be read: {exc.strerror or exc}"
    if len(photo) > _MOST_BYTES:
        return _WORDS[Why.TOO_LARGE]
    try:
        made = pool.make(photo, [(SIDE, _QUALITY)], owner="report")
    except NoPicture as exc:
        return _WORDS[exc.why]
    return Picture(made.jpegs[0], made.width, made.height)
