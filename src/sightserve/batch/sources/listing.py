"""A list of paths and URLs as IN -> [sorted, each once] -> Photos, whatever they are called."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from sightserve.batch.files import Anchor, local_path
from sightserve.batch.photo import Photo, is_url, order
from sightserve.batch.sources.listed import listed
from sightserve.batch.sources.ordered import ordered

_LOOK_AT: Final = 10_000  # names, for the first that says where it begins
_NUL: Final = "A NUL character stands in this name: no file has such a one."


class Listing:
    """A text, CSV, TSV or Parquet file that names photos.

    Args:
        address: its absolute path, or a URL.
        base: the folder, or its URL, that names without one are in; None: found out by the first such name.

    Attributes:
        base: that folder.

    Raises:
        BatchError: it cannot be read, or is no listing.
    """

    streams = False

    def __init__(self, address: str, *, base: str | None = None) -> None:
        self.address = address
        self.base = self._base() if base is None else base
        self._anchor = Anchor(address if is_url(self.base) else self.base)

    def _base(self) -> str:
        """Return the listing's own folder, or else the current one: the first of them that has the first name."""
        own = self.address.rpartition("/")[0] or "/"
        names = (key.decode(errors="surrogateescape") for key in islice(listed(self.address), _LOOK_AT))
        first = next(
            (name for name in names if not is_url(name) and not name.startswith("/") and "\0" not in name), None
        )
        here = str(Path.cwd())
        elsewhere = (
            first is not None
            and not is_url(own)
            and not os.path.lexists(f"{own}/{first}")
            and os.path.lexists(f"{here}/{first}")
        )
        return here if elsewhere else own

    def photos(self, after: Photo | None) -> Iterator[Photo]:
        """Yield the photos, as `Source` has it."""
        floor = None if after is None else order(after.name)
        for key, _ in ordered((key, b"") for key in listed(self.address) if floor is None or key > floor):
            name = key.decode(errors="surrogateescape")
            yield Photo(name, self._address(name), fault=_NUL if "\0" in name else "")

    def _address(self, name: str) -> str:
        if is_url(name):
            return local_path(name)
        return name if name.startswith("/") else f"{self.base.rstrip('/')}/{name}"

    def check(self) -> None:
        """Make sure that its folder is still there, as `Source` has it."""
        self._anchor.check()
