"""What a video is, and what the model wants of it: said across the pipe, so that our own process never loads FFmpeg."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What a video is, by its header.

    Attributes:
        width, height: of the picture as it is shown, pixels: upright, with square pixels.
        seconds: until its picture ends, as announced or else estimated; None where neither can be.
        fps: frames a second on average; 0 where unknown.
        container, codec: FFmpeg's names.
        audio: codecs of the audio streams.
        hdr: whether its colours are those of HDR (PQ or HLG).
    """

    width: int
    height: int
    seconds: float | None
    fps: float
    container: str
    codec: str
    audio: tuple[str, ...]
    hdr: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the model looks at: its input's size in pixels, and which part of the largest centred box it keeps (0 to 1)."""

    width: int
    height: int
    crop: float = 1.0

    @property
    def box(self) -> tuple[int, int]:
        """The smallest centred box that still has a pixel for each of the model's."""
        return math.ceil(self.width / self.crop), math.ceil(self.height / self.crop)
