"""What a video is: said across the pipe, so that our own process never loads FFmpeg."""

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
