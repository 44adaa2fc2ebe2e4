"""The corpus: bombs, damaged files of every format and absurd metadata, each with a name. Deterministic, nothing on disk."""

import random
from collections.abc import Iterator
from functools import cache

from PIL import Image
from tests.hostile import bombs

from sightserve.imaging.formats import MEDIA_TYPES


@cache
def wholes() -> dict[str, bytes]:
    """A small good file of every format, with something in it to damage."""
    noise = Image.frombytes("RGB", (96, 64), random.Random(1).randbytes(96 * 64 * 3))
    files = {name: bombs.encoded(noise, name) for name in MEDIA_TYPES}
    files["progressive JPEG"] = bombs.encoded(noise, "JPEG", progressive=True, exif=bombs.exif([(0x0112, 3, 1, 6)]))
    files["palette PNG"] = bombs.encoded(noise.convert("P"), "PNG", transparency=0)
    files["lossless WebP"] = bombs.encoded(noise, "WEBP", lossless=True, exif=bombs.exif([(0x0112, 3, 1, 6)]))
    files["LZW TIFF"] = bombs.encoded(noise, "TIFF", compression="tiff_lzw")
    files["deep TIFF"] = bombs.encoded(noise.convert("F"), "TIFF", compression="tiff_adobe_deflate")
    files["CMYK JPEG"] = bombs.encoded(noise.convert("CMYK"), "JPEG")
    profile = bombs.icc_profile(0, channels=3, grid=5)
    files["PNG with a profile"] = bombs.encoded(noise, "PNG", icc_profile=profile, compress_level=0)
    files["JPEG with a profile"] = bombs.encoded(noise, "JPEG", icc_profile=profile)
    files["animated GIF"] = bombs.encoded(noise, "GIF", save_all=True, append_images=[noise.rotate(180)])
    return files


def damaged(each: int = 6, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Every format, truncated at `each` places, and with bits flipped `each` times: in its header, and anywhere."""
    chance = random.Random(seed)
    for name, whole in wholes().items():
        for i in range(each):
            yield f"{name} truncated {i}", whole[: 12 + chance.randrange(len(whole) - 12)]
        for i in range(each):
            flipped = bytearray(whole)
            reach = 200 if i % 2 else len(whole)
            for _ in range(1 + i):
                flipped[chance.randrange(4, min(reach, len(whole)))] ^= 1 << chance.randrange(8)
            yield f"{name} flipped {i}", bytes(flipped)


def absurd_exif() -> Iterator[tuple[str, bytes]]:
    picture = Image.new("RGB", (40, 20))
    for name, exif in bombs.ABSURD_EXIF.items():
        for kind in ("JPEG", "PNG", "WEBP"):  # the encoders of AVIF and HEIF read it
            yield f"{kind} with EXIF: {name}", bombs.encoded(picture, kind, exif=exif)


@cache
def small() -> dict[str, bytes]:
    """Everything that takes milliseconds to make and to refuse: what a soak and every test can afford."""
    cheap = {bomb.__name__: bomb() for bomb in bombs.BOMBS if bomb not in bombs.EXPENSIVE}
    return cheap | dict(damaged()) | dict(absurd_exif())


@cache
def expensive() -> dict[str, bytes]:
    """What takes seconds or hundreds of megabytes to make, or is honest about its size and really decoded."""
    return {bomb.__name__: bomb() for bomb in bombs.EXPENSIVE}
