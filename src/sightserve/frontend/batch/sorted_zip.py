"""Answered photos as a zip with a folder for each label. It is made while it is sent: never whole in memory, nor on a disk.

A link leads to it, with a secret of its own, for as long as there is the batch and nobody needed the room of its photos.
"""

import io
import re
import secrets
import time
import weakref
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from sightserve.frontend.inbox.sources import Source
from sightserve.frontend.shared.ledger import Account
from sightserve.frontend.shared.spare import Spare

if TYPE_CHECKING:
    from starlette.requests import Request

NAME: Final = "photos-by-label.zip"
_COPIES: Final = 3  # of a photo, while it is being sent
_LONGEST: Final = 80  # of a folder's name
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f]')  # by Windows; other systems forbid less
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_JPEG: Final = b"\xff\xd8\xff"
_JPEGS: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})
# Bytes of each entry beside its name, twice, and its data; and of the end (APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16).
_ENTRY: Final = 30 + 46
_END: Final = 22


class SortedZip:
    """The zip of one batch. What is in it is said by the page, which filters."""

    def __init__(self, photos: Spare[Source], account: Account) -> None:
        """Offer an empty zip under a new secret."""
        self.photos = photos
        self.secret = secrets.token_urlsafe(24)
        self._account = account
        self._entries: list[tuple[str, int, int]] = []
        _offered[self.secret] = self

    @property
    def address(self) -> str:
        """The address under which this app serves the zip, relative to the page."""
        return f"sorted/{self.secret}/{NAME}"

    @property
    def size(self) -> int:
        """Bytes of the whole zip."""
        return _END + sum(_ENTRY + 2 * len(path.encode()) + size for path, _, size in self._entries)

    def fill(self, labelled: Iterable[tuple[str, int]]) -> None:
        """Say what is in it: the folder and the number of each photo."""
        kept = [
            (folder, number, source) for folder, number in labelled if (source := self.photos.get(number)) is not None
        ]
        paths = in_folders([(folder, source.name) for folder, _, source in kept])
        self._entries = [(path, number, source.size) for path, (_, number, source) in zip(paths, kept, strict=True)]

    def chunks(self) -> Iterator[bytes]:
        """Yield the zip; it ends too early where the photos go meanwhile, and the browser says so: its length is known."""
        outgoing = _Outgoing()
        with zipfile.ZipFile(outgoing, "w", zipfile.ZIP_STORED) as archive:  # photos are compressed already
            for path, number, size in list(self._entries):
                if (source := self.photos.get(number)) is None:
                    return
                with self._account.passing(_COPIES * size):
                    entry = zipfile.ZipInfo(path, time.localtime()[:6])
                    entry.external_attr = 0o644 << 16
                    archive.writestr(entry, source.read())
                    packed = outgoing.take()
                yield packed
        yield outgoing.take()


_offered: Final = weakref.WeakValueDictionary[str, SortedZip]()


class _Outgoing(io.BytesIO):
    """What a zip consists of since it was last taken: zipfile goes back no further than to the entry that it writes."""

    def __init__(self) -> None:
        super().__init__()
        self._taken = 0

    def tell(self) -> int:
        return self._taken + super().tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._taken + super().seek(offset - self._taken if whence == io.SEEK_SET else offset, whence)

    def take(self) -> bytes:
        data = self.getvalue()
        super().seek(0)
        self.truncate()
        self._taken += len(data)
        return data


def name_of(name: str, data: bytes) -> str:
    """Return a photo's name with the suffix of what it is: a browser makes large ones smaller, and JPEGs of them."""
    path = PurePosixPath(name)
    return str(path.with_suffix(".jpg")) if data.startswith(_JPEG) and path.suffix.lower() not in _JPEGS else name


def in_folders(photos: Sequence[tuple[str, str]]) -> list[str]:
    """Return where each photo of a folder and a name goes: names that every system takes, no two of them the same."""
    taken: set[str] = set()
    paths = []
    for folder, name in photos:
        inside, file = _safe(folder), PurePosixPath(_safe(PurePosixPath(name).name))
        path, number = f"{inside}/{file}", 1
        while path.casefold() in taken:  # Windows and macOS take names for the same that differ in case
            number += 1
            path = f"{inside}/{file.stem} ({number}){file.suffix}"
        taken.add(path.casefold())
        paths.append(path)
    return paths


def _safe(name: str) -> str:
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    bounded = name if len(name) <= _LONGEST else stem[: _LONGEST - len(suffix)] + suffix
    safe = _FORBIDDEN.sub("_", bounded).strip(" .") or "_"
    return f"_{safe}" if _RESERVED.fullmatch(safe) else safe


async def _serve(request: "Request") -> Response:
    zip_ = _offered.get(request.path_params["secret"])
    if zip_ is None or zip_.photos.is_gone:
        return PlainTextResponse("These photos are not here any more.", status_code=404)
    headers = {
        "content-disposition": f'attachment; filename="{NAME}"',
        "content-length": str(zip_.size),
        "cache-control": "private, no-store",
    }
    return StreamingResponse(zip_.chunks(), media_type="application/zip", headers=headers)


# Below any path, as the videos are.
ROUTE: Final = Route("/{below:path}sorted/{secret}/{name}", _serve, methods=["GET"])
