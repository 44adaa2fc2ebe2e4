"""What users send: photos as they are, phone photos made from them, files that are no photos; each knows its right answer."""

import hashlib
import io
import os
import random
import struct
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, UnidentifiedImageError

from sightserve.imaging.formats import is_photo_name
from sightserve.loadtest.goals import InvalidValue

SAMPLES: Final = Path(__file__).parents[2] / "frontend" / "samples"
_MOST: Final = 200  # photos of a folder
_MOST_BYTES: Final = 30 * 2**20
_PHONE_PHOTOS: Final = 4
_PHONE: Final = (4000, 3000)  # px: twelve megapixels, the commonest size that phones make
_GRAIN: Final = 8.0  # standard deviation, 8-bit steps: an enlarged photo alone is smoother than any camera's
_QUALITY: Final = 85
_SENT: Final = 1600  # px, the longer side
_SENT_QUALITY: Final = 88


@dataclass(frozen=True, slots=True)
class Photo:
    """One file that a user sends.

    Attributes:
        name: of the file.
        data: its bytes.
        expected: statuses that are right for it.
        label: the right answer; empty until the backend was asked in peace.
    """

    name: str
    data: bytes
    expected: frozenset[int] = frozenset({HTTPStatus.OK})
    label: str = ""

    def unlike_any_other(self, number: int) -> bytes:
        """Return the same picture with other bytes, as every photo that people take has: a JPEG comment is put in."""
        if not self.data.startswith(b"\xff\xd8"):
            return self.data
        comment = struct.pack(">Q", number) + os.urandom(8)
        return b"\xff\xd8\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + self.data[2:]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that users choose from."""

    small: Sequence[Photo]
    phone: Sequence[Photo]
    bad: Sequence[Photo]
    shrunk: Sequence[Photo] = ()

    def photo(self, phone_share: float, *, browser: bool = False) -> tuple[str, Photo]:
        """Return what kind of photo, and one of that kind: a phone's in this share of all cases, where there are any.

        Where a `browser` sends it, it is as small as the web app's script makes it.
        """
        if self.phone and random.random() < phone_share:  # noqa: S311 - a load, no secret
            return "phone photo", random.choice(self.shrunk if browser else self.phone)  # noqa: S311
        return "small photo", random.choice(self.small)  # noqa: S311

    def labelled(self, ask: Callable[[Photo], str]) -> "Catalogue":
        """Return the same photos with their right answers: what `ask` says of each before anything is loaded."""
        return replace(
            self,
            small=[replace(photo, label=ask(photo)) for photo in self.small],
            phone=[replace(photo, label=ask(photo)) for photo in self.phone],
            shrunk=[replace(photo, label=ask(photo)) for photo in self.shrunk],
        )


def load(folder: str, *, phone: bool = True) -> Catalogue:
    """Return the photos of a folder, or the samples; phone photos are made once and kept in the temporary directory.

    Raises:
        InvalidValue: the folder is not there, or has no photo in it.
    """
    root = Path(folder) if folder else SAMPLES
    if not root.is_dir():
        raise InvalidValue(f"{folder!r} is no folder")
    paths = sorted(p for p in root.rglob("*") if is_photo_name(str(p.relative_to(root))) and p.is_file())
    fitting = [path for path in paths if 0 < path.stat().st_size <= _MOST_BYTES]
    small = [Photo(path.name, path.read_bytes()) for path in fitting[:: max(1, len(fitting) // _MOST)][:_MOST]]
    if not small:
        raise InvalidValue(f"{folder!r} has no photo in it")
    large = [made for photo in small[:: max(1, len(small) // _PHONE_PHOTOS)] if phone and (made := _phone(photo))]
    large = large[:_PHONE_PHOTOS]
    return Catalogue(small, large, _bad(small[0]), [replace(photo, data=_shrunk(photo.data)) for photo in large])


def _bad(good: Photo) -> list[Photo]:
    """Return files that people send by mistake, with the statuses that are right for them."""
    unsupported = frozenset({HTTPStatus.UNSUPPORTED_MEDIA_TYPE})
    damaged = frozenset({HTTPStatus.UNPROCESSABLE_ENTITY})
    return [
        Photo("letter.pdf", b"%PDF-1.7\n" + b"0" * 2000, unsupported),
        Photo("notes.jpg", b"These are notes, not a photo.\n" * 40, unsupported),
        Photo("cut.jpg", good.data[: max(400, len(good.data) // 8)], damaged),
    ]


def _phone(photo: Photo) -> Photo | None:
    """Return the photo as a phone would have taken it, or None where it cannot be opened."""
    key = hashlib.sha256(photo.data).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"sightserve-loadtest-{os.getuid()}"
    path = folder / f"{key}-{_PHONE[0]}-{_QUALITY}-{_GRAIN}.jpg"
    if not path.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        try:
            part.write_bytes(_enlarged(photo.data))
        except (UnidentifiedImageError, OSError, ValueError):
            return None
        part.rename(path)  # only when whole, so that an interrupted run leaves no half photo behind
    return Photo(f"phone-{photo.name}", path.read_bytes())


def _shrunk(data: bytes) -> bytes:
    """Return the photo as a browser sends it (frontend/inbox/browser/shrink.js)."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as opened:
        opened.draft("RGB", (2 * _SENT, 2 * _SENT))
        opened.thumbnail((_SENT, _SENT))
        opened.save(buffer, "JPEG", quality=_SENT_QUALITY)
    return buffer.getvalue()


def _enlarged(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as opened:
        size = _PHONE if opened.width >= opened.height else _PHONE[::-1]
        picture = opened.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    noise = Image.effect_noise(size, _GRAIN)
    grainy = Image.merge("RGB", [ImageChops.add(band, noise, offset=-128) for band in picture.split()])
    buffer = io.BytesIO()
    grainy.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
