"""Somebody's archive to classify: a few hundred photos in folders, some of which are none."""

import io
import os
import tempfile
import zlib
from pathlib import Path

from PIL import Image
from tests.conftest import SAMPLES

BROKEN_EVERY = 19
_VARIANTS = 4


def make(folder: Path, count: int, *, broken: bool = True, of_folder: int = 50) -> list[str]:
    """Fill a folder with so many files, and return their names in order; of the broken ones there are five kinds in turn."""
    jpegs = _photos()
    names = []
    for number in range(count):
        name = f"{number // of_folder:03d}/IMG_{number:05d}.jpg"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if broken and number % BROKEN_EVERY == 7:
            path.write_bytes(_broken(number // BROKEN_EVERY, jpegs[0].read_bytes()))
        else:
            os.link(jpegs[number % len(jpegs)], path)
        names.append(name)
    return names


def is_broken(number: int) -> bool:
    return number % BROKEN_EVERY == 7


def _broken(number: int, jpeg: bytes) -> bytes:
    kinds = (b"", b"no photo at all", jpeg[:900], b"%PDF-1.7\n", _bomb())
    return kinds[number % len(kinds)]


def _bomb() -> bytes:
    """A PNG whose header says 30,000 by 30,000 pixels."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def _photos() -> list[Path]:
    """Small pictures that differ, made once in the temporary directory of this test run's user."""
    folder = Path(tempfile.gettempdir()) / f"sightserve-archive-{os.getuid()}-{os.getpid()}"
    made = sorted(folder.glob("*.jpg"))
    if made:
        return made
    folder.mkdir()
    for sample in sorted(SAMPLES.glob("*.jpg")):
        with Image.open(sample) as image:
            for turn in range(_VARIANTS):
                part = image.crop((turn * 8, turn * 6, image.width - turn * 5, image.height - turn * 7))
                part.thumbnail((320, 320))
                part.save(folder / f"{sample.stem}{turn}.jpg", quality=85)
    return sorted(folder.glob("*.jpg"))
