"""Frame -> [small, upright, 8-bit RGB] -> JPEG: no more pixels than the model's own resize will look at."""

import io
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import av
from av.video.reformatter import ColorPrimaries, ColorTrc, Interpolation, VideoReformatter
from PIL import Image

from sightserve.imaging.geometry import InputGeometry, Placement
from sightserve.video.worker.reader import is_hdr, square

# Measured (bench/video.py): nearly as close to the answer for the whole frame as lossless PNG, which takes ten times as long to
# encode and three times the bytes; raw pixels take five times the bytes, and coarser JPEGs are two to three times as far off.
_QUALITY: Final = 95
# Reduced by so much or more, a frame is averaged: in FFmpeg's scaler that takes a third of the time of its bicubic filter (1.0
# against 2.8 ms for 1080p). The price: probabilities are off by 0.043 instead of 0.030 on average, with as many labels right
# (docs/video.md).
_MUCH: Final = 2
_TURNS: Final = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


@dataclass(slots=True)
class Shrinker:
    """Makes pictures for the model; keeps FFmpeg's scaler from one frame to the next."""

    geometry: InputGeometry
    _scaler: VideoReformatter = field(init=False, default_factory=VideoReformatter)
    _mapper: VideoReformatter = field(init=False, default_factory=VideoReformatter)  # keeps the table of an HDR video

    def jpeg(self, frame: av.VideoFrame, ratio: Fraction | None) -> bytes:
        """Return the frame as the model needs it, see `picture`, ready to be sent."""
        buffer = io.BytesIO()
        self.picture(frame, ratio).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
        return buffer.getvalue()

    def picture(self, frame: av.VideoFrame, ratio: Fraction | None) -> Image.Image:
        """Return the frame as the model needs it.

        The frame is only ever reduced, to the scale at which the part that the model looks at has as many pixels as its own
        resize asks for, and cut to that part. So the model's crop and resize find what they would have found in the whole.

        Args:
            frame: as decoded: any size, depth and colour space, turned or not.
            ratio: width by height of a stored pixel.
        """
        turn = frame.rotation % 360
        stored = square(frame.width, frame.height, ratio)
        enough = self.geometry.enough(*(stored if turn % 180 == 0 else stored[::-1]))
        width, height, reduced = reduced_size(stored, enough if turn % 180 == 0 else _on_its_side(enough))
        image = self._to_rgb(frame, width, height)
        if reduced:
            across, down = reduced
            left, top = (width - across) // 2, (height - down) // 2
            image = image.crop((left, top, left + across, top + down))
        return image.transpose(_TURNS[turn]) if turn in _TURNS else image

    def _to_rgb(self, frame: av.VideoFrame, width: int, height: int) -> Image.Image:
        """Return the frame at this size, with the colours of an ordinary screen: sRGB, 8 bits.

        HDR (PQ, HLG) is tone-mapped by FFmpeg's scaler (perceptual intent); everything else is only converted.
        """
        hdr = is_hdr(frame.color_trc)
        how = Interpolation.AREA if frame.height >= _MUCH * height else Interpolation.BICUBIC
        if hdr and frame.width * frame.height > 4 * width * height:
            # Reduced first: mapping a colour costs far more than averaging it.
            frame = self._scaler.reformat(frame, width, height, interpolation=how, threads=1)
        rgb = (self._mapper if hdr else self._scaler).reformat(
            frame,
            width,
            height,
            "rgb24",
            interpolation=how,
            dst_color_trc=ColorTrc.IEC61966_2_1 if hdr else None,
            dst_color_primaries=ColorPrimaries.BT709 if hdr else None,
            threads=1,
        )
        image: Image.Image = rgb.to_image()  # type: ignore[no-untyped-call]
        return image


def reduced_size(size: tuple[int, int], enough: Placement) -> tuple[int, int, tuple[int, int] | None]:
    """Return the size to reduce a picture to, and that of the part to cut from its middle; None: it is not reduced.

    A side that is cut has the part's parity, so that the part sits exactly in the middle.
    """
    if enough.scale < 1:
        return size[0], size[1], None
    sides = zip(size, enough.box[2:], enough.size, strict=True)
    width, height = (side + 2 * max(0, round((full * side / part - side) / 2)) for full, part, side in sides)
    return width, height, enough.size


def _on_its_side(upright: Placement) -> Placement:
    box, size = upright.box, upright.size
    return Placement((box[1], box[0], box[3], box[2]), (size[1], size[0]))
