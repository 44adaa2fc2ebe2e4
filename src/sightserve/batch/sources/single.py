"""One photo as IN."""

from collections.abc import Iterator
from pathlib import Path

from sightserve.batch.files import Anchor
from sightserve.batch.photo import Photo


class Single:
    """A photo on this machine.

    Args:
        address: its absolute path.
    """

    streams = False

    def __init__(self, address: str) -> None:
        self.address = address
        self._anchor = Anchor(str(Path(address).parent))

    def photos(self, after: Photo | None) -> Iterator[Photo]:
        """Yield it, as `Source` has it."""
        if after is None:
            yield Photo(Path(self.address).name, self.address)

    def check(self) -> None:
        """Make sure that its folder is still there, as `Source` has it."""
        self._anchor.check()
