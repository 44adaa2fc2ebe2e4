"""An ICC profile -> [the way to sRGB] -> the few pixels that are left after resizing.

Most photos have none, or one of the many that say sRGB in other words. Which those are is found by what they do, once for each
profile, and costs a hash afterwards.
"""

import hashlib
import io
import struct
import threading
from collections import OrderedDict
from typing import Final

import numpy as np
from PIL import Image

_LARGEST: Final = 4 * 2**20  # bytes; printers' profiles have up to three million
_KEPT: Final = 8  # transforms: each has tables of its own, up to some megabytes
_UNNOTICED: Final = 2  # of 255, at every colour of the grid: sRGB in other words
_MODES: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_GRID: Final = 9

_known: OrderedDict[tuple[bytes, str], "Image.core.CmsTransform | None"] = OrderedDict()  # type: ignore[name-defined]
_lock = threading.Lock()


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return the image in sRGB; as it is where the profile is sRGB, is broken, or is for another kind of image.

    Args:
        image: RGB, L, CMYK or LAB.
        profile: as the file has it.
    """
    if len(profile) > _LARGEST:
        return image
    key = (hashlib.sha256(profile).digest(), image.mode)
    with _lock:
        if key in _known:
            _known.move_to_end(key)
        else:
            _known[key] = _transform(profile, image.mode)
            if len(_known) > _KEPT:
                _known.popitem(last=False)
        transform = _known[key]
    if transform is None:
        return image
    result: Image.Image = transform.apply(
        image if image.mode == transform.input_mode else image.convert(transform.input_mode)
    )
    return result


def coding(profile: bytes) -> tuple[int, int] | None:
    """Return (primaries, transfer) of the code points in a profile (ICC.1:2022, section 9.2.17), or None."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        for at in range(132, 132 + 12 * min(count, 100), 12):
            name, offset = struct.unpack_from(">4sI", profile, at)
            if name == b"cicp":
                return profile[offset + 8], profile[offset + 9]
    except (struct.error, IndexError):
        pass
    return None


def _transform(profile: bytes, mode: str) -> "Image.core.CmsTransform | None":  # type: ignore[name-defined]
    from PIL import ImageCms  # noqa: PLC0415 - at the first profile: most photos have none

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        wanted = _MODES.get(source.profile.xcolor_space.strip())
        if wanted is None or not (wanted == mode or (wanted == "RGB" and mode == "L")):
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), wanted, "RGB")
        if wanted in {"RGB", "L"} and _changes_nothing(transform, wanted):
            return None
    except Exception:  # noqa: BLE001 - a photo with a broken profile is still a photo
        return None
    return transform


def _changes_nothing(transform: "Image.core.CmsTransform", mode: str) -> bool:  # type: ignore[name-defined]
    steps = np.linspace(0, 255, _GRID if mode == "RGB" else 256).round().astype(np.uint8)
    if mode == "L":
        before = Image.fromarray(steps[None])
        colours = np.repeat(steps[None, :, None], 3, axis=2)
    else:
        colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        before = Image.fromarray(colours)
    after = np.asarray(transform.apply(before))
    return int(np.abs(after.astype(int) - colours).max()) <= _UNNOTICED
