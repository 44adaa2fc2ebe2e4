"""The load: ImageNet-size photos, 12-megapixel photos made from them, and the request bodies that carry them."""

import csv
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
COUNT = 40  # cycled over: enough that no cache holds them, few enough to load in a blink
LARGE_COUNT = 10
_LARGE = (4000, 3000)  # px, the commonest size that phones make
_GRAIN = 4.0  # standard deviation of the noise, in 8-bit steps: an enlarged photo alone is smoother than any camera's
_QUALITY = 85
_PHONES_QUALITY = 94  # four megabytes, as phones write
BOUNDARY = b"sightserve-bench-4bf92f3577b34da6"


@dataclass(frozen=True, slots=True)
class Photo:
    """One encoded photo.

    Attributes:
        name: of the file, for the form field.
        data: JPEG bytes.
        class_index: what it shows, in the model's class order.
    """

    name: str
    data: bytes
    class_index: int


def directory() -> Path:
    """Return where the labelled photos are: SIGHTSERVE_PHOTOS, else beside the repository."""
    return Path(os.environ.get("SIGHTSERVE_PHOTOS", ROOT.parent / "shared" / "photos"))


def labelled() -> list[Photo]:
    """Return all labelled photos: what accuracy is measured on.

    Raises:
        FileNotFoundError: the photos are not there.
    """
    with (directory() / "labels.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return [Photo(r["file"], (directory() / r["file"]).read_bytes(), int(r["class_index"])) for r in rows]


def imagenet() -> list[Photo]:
    """Return 40 of them, spread evenly over the classes."""
    photos = labelled()
    return photos[:: max(1, len(photos) // COUNT)][:COUNT]


def large() -> list[Photo]:
    """Return ten 12-megapixel photos: enlarged, with a camera's grain; made once, kept in the temporary directory."""
    cache = Path(tempfile.gettempdir()) / f"sightserve-bench-photos-{_LARGE[0]}-{_QUALITY}-{_GRAIN}"
    cache.mkdir(exist_ok=True)
    small = imagenet()[:: COUNT // LARGE_COUNT]
    return [
        Photo(
            p.name,
            enlarge(directory() / p.name, cache / f"{p.class_index}.jpg", p.class_index).read_bytes(),
            p.class_index,
        )
        for p in small
    ]


def phone_photo(photo: Path) -> Path:
    """Return where a photo is with 12 megapixels and four megabytes; made once, kept in the temporary directory."""
    return enlarge(photo, Path(tempfile.gettempdir()) / f"sightserve-bench-phone-{photo.name}", quality=_PHONES_QUALITY)


def enlarge(photo: Path, path: Path, seed: int = 0, quality: int = _QUALITY) -> Path:
    """Write the enlarged photo, unless it is there, and return where."""
    if not path.exists():
        with Image.open(photo) as image:
            size = _LARGE if image.width >= image.height else _LARGE[::-1]
            pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
        grain = np.random.default_rng(seed).normal(0, _GRAIN, (*pixels.shape[:2], 1)).astype(np.float32)
        noisy = Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))
        part = path.with_suffix(".part")  # renamed when whole, so that an interrupted run leaves no half photo behind
        noisy.save(part, "JPEG", quality=quality)
        part.rename(path)
    return path


def body(photo: Photo, field: str | None) -> bytes:
    """Return the request body: the photo itself, or a form with the photo in this field."""
    if field is None:
        return photo.data
    head = (
        f'Content-Disposition: form-data; name="{field}"; filename="{photo.name}"\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    return b"--" + BOUNDARY + b"\r\n" + head.encode() + photo.data + b"\r\n--" + BOUNDARY + b"--\r\n"


def content_type(field: str | None) -> str:
    """Return the content type of `body`."""
    return "image/jpeg" if field is None else f"multipart/form-data; boundary={BOUNDARY.decode()}"


def request(photo: Photo, field: str | None, path: str, host: str = "127.0.0.1") -> bytes:
    """Return a whole HTTP/1.1 request, ready to be written to a socket."""
    payload = body(photo, field)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type(field)}\r\n"
        f"Content-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload
