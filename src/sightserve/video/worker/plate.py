"""Label and probability -> [a dark plate as planes] -> blended into a frame. Drawn once a segment, blended once a frame."""

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_TEXT: Final = (255, 255, 255, 255)
_DARK: Final = (12, 22, 20, 190)
_BAR: Final = (79, 201, 186, 255)
_TRACK: Final = (74, 92, 88, 220)
_TEXT_HEIGHT: Final = 0.05  # of the picture's height
_SMALLEST: Final = 9  # pixels of text
# Where Pillow's own font has no glyph for a label: the first of these that is installed and has them all.
_OTHERS: Final = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "NotoSansArabic-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf", "Arial Unicode.ttf", "PingFang.ttc",
)  # fmt: skip
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Plate:
    """A picture to lay over the top left corner of 4:2:0 frames, prepared so that a frame costs a multiplication.

    Attributes:
        keep: for each of Y, U and V how much of the frame shines through, 0 to 256, uint16.
        add: for each of them what is added, times 256.
        left, top: where it goes, pixels, even.
    """

    keep: tuple[NDArray[np.uint16], ...]
    add: tuple[NDArray[np.uint16], ...]
    left: int
    top: int

    def blend(self, frame: av.VideoFrame) -> None:
        """Lay the plate over a writable yuv420p frame."""
        for number, plane in enumerate(frame.planes):
            half = 1 if number == 0 else 2
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            keep = self.keep[number]
            top, left = self.top // half, self.left // half
            part = rows[top : top + keep.shape[0], left : left + keep.shape[1]]
            part[:] = (part * keep + self.add[number]) >> 8


def draw(
    label: str,
    probability: float,
    size: tuple[int, int],
    *,
    hd: bool,
    full_range: bool = False,
    font: str | None = None,
) -> Plate:
    """Return the plate for a label.

    Args:
        label: the text; what does not fit is cut.
        probability: 0 to 1; a number beside the label and a bar below it.
        size: of the frame, pixels.
        hd: whether colours are coded by ITU-R BT.709 (else BT.601).
        full_range: whether luma takes all of 0 to 255 (else 16 to 235).
        font: path of a font file; Pillow's own, or an installed one that has the label's letters, where it is None.
    """
    width, height = size
    unit = max(_SMALLEST, round(min(height, width * 0.75) * _TEXT_HEIGHT))
    margin = min(round(unit * 0.8), width // 16, height // 16) // 2 * 2
    image = _picture(" ".join(label.split()), probability, unit, width - 2 * margin, font)
    # even sides: colours are stored for four pixels at once
    image = image.crop((0, 0, min(image.width, width - margin) // 2 * 2, min(image.height, height - margin) // 2 * 2))
    keep, add = _planes(np.asarray(image), hd=hd, full_range=full_range)
    return Plate(keep, add, margin, margin)


def _picture(label: str, probability: float, unit: int, most: int, path: str | None) -> Image.Image:
    """Return the plate as RGBA."""
    face = _face(label, unit, path)
    if not covers(face, label):  # better an e than a box for an é
        plain = "".join(letter for letter in unicodedata.normalize("NFKD", label) if not unicodedata.combining(letter))
        label = plain if covers(face, plain) else label
    number = f"{probability:.0%}"
    padding, gap, bar = round(unit * 0.55), round(unit * 0.7), max(2, round(unit * 0.14))
    room = most - 2 * padding - gap - _length(face, number)
    while len(label) > 1 and _length(face, label) > room:
        label = label[:-2].rstrip() + "…"
    inner = _length(face, label) + gap + _length(face, number)
    width, height = inner + 2 * padding, 2 * padding + round(unit * 1.25) + 2 * bar
    image = Image.new("RGBA", (width + width % 2, height + height % 2))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, image.width - 1, image.height - 1), radius=round(unit * 0.35), fill=_DARK)
    baseline = padding + unit
    pen.text((padding, baseline), label, font=face, fill=_TEXT, anchor="ls")
    pen.text((padding + inner, baseline), number, font=face, fill=_TEXT, anchor="rs")
    top = height - padding - bar
    pen.rectangle((padding, top, padding + inner - 1, top + bar - 1), fill=_TRACK)
    pen.rectangle((padding, top, padding + max(1, round(inner * probability)) - 1, top + bar - 1), fill=_BAR)
    return image


def _length(face: Font, text: str) -> int:
    return round(face.getlength(text))


@cache
def _face(label: str, unit: int, path: str | None) -> Font:
    """Return a font that has the label's letters, as far as there is one."""
    if path is not None:
        return ImageFont.truetype(path, unit)
    own = ImageFont.load_default(unit)
    if covers(own, label):
        return own
    for name in _OTHERS:
        try:
            other = ImageFont.truetype(name, unit)
        except OSError:
            continue
        if covers(other, label):
            return other
    return own


def covers(face: Font, text: str) -> bool:
    """Return whether a font has a glyph for every letter: what it does not have, it draws as one and the same box."""
    missing = bytes(face.getmask("\U000fffff"))
    return all(bytes(face.getmask(letter)) != missing for letter in set(text) if not letter.isspace())


def _planes(
    rgba: NDArray[np.uint8], *, hd: bool, full_range: bool
) -> tuple[tuple[NDArray[np.uint16], ...], tuple[NDArray[np.uint16], ...]]:
    """Return what to keep and what to add in Y, U and V, by ITU-R BT.709 or BT.601; chroma averages four pixels."""
    red, blue = (0.2126, 0.0722) if hd else (0.299, 0.114)
    rgb, alpha = rgba[..., :3].astype(np.float64), rgba[..., 3:].astype(np.float64) / 255
    luma = rgb @ np.array([red, 1 - red - blue, blue])
    chroma = np.stack([(rgb[..., 2] - luma) / (2 * (1 - blue)), (rgb[..., 0] - luma) / (2 * (1 - red))], axis=-1)
    luma, chroma = (luma, chroma + 128) if full_range else (16 + luma * 219 / 255, 128 + chroma * 224 / 255)
    values = [luma[..., None], chroma[..., :1], chroma[..., 1:]]
    keep, add = [], []
    for number, value in enumerate(values):
        share, weighted = alpha, alpha * value
        if number:
            share, weighted = _quartered(share), _quartered(weighted)
        kept = np.rint((1 - share[..., 0]) * 256)
        keep.append(kept.astype(np.uint16))
        # rounded down in sum: no value leaves 0 to 255
        add.append(np.minimum(np.rint(weighted[..., 0] * 256), 65535 - 255 * kept).astype(np.uint16))
    return tuple(keep), tuple(add)


def _quartered(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width, depth = plane.shape
    mean: NDArray[np.float64] = plane.reshape(height // 2, 2, width // 2, 2, depth).mean(axis=(1, 3))
    return mean
