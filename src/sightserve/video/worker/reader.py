"""File -> [an open video]. The only module that opens a stranger's container; it runs in the worker's process."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from typing import Any, BinaryIO, Final, NoReturn

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from sightserve.video.errors import NoPicture, NotAVideo
from sightserve.video.facts import Facts
from sightserve.video.limits import Limits
from sightserve.video.worker.announced import announced_by
from sightserve.video.worker.clock import Clock
from sightserve.video.worker.playback import Video, check_size, too_long

# Containers, by FFmpeg's names of their demuxers. Playlists (hls, dash, concat, ...) are not among them: they name other
# files and addresses, and would have this process fetch them.
_CONTAINERS: Final = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,ivf"
_STILL_BRANDS: Final = frozenset({"avif", "avis", "heic", "heix", "mif1", "msf1"})  # images that are stored like an MP4
_JUMPING: Final = frozenset({"mpegts", "mpeg", "ogg"})  # where FFmpeg's own program reckons with it: AVFMT_TS_DISCONT
_INDEXED: Final = frozenset({"mov", "matroska"})  # where key frames are marked, and every picture's time is written
_US: Final = Fraction(1, 1_000_000)
KINDS: Final = "MP4, MOV, WebM, MKV, AVI, MPEG, FLV, WMV or Ogg"


@contextmanager
def open_video(file: BinaryIO, limits: Limits) -> Iterator[tuple[Video, Facts]]:
    """Open a video, and look at no other file and no address whatever its bytes say.

    Args:
        file: the video, seekable. It is a file object so that FFmpeg opens nothing itself.
        limits: what to refuse.

    Raises:
        NotAVideo: no video of a kind that is taken.
        NoPicture: sound alone.
        VideoTooLarge: by its header.
    """
    try:
        container = av.open(
            file,
            "r",
            options={"format_whitelist": _CONTAINERS, "protocol_whitelist": "none", "max_pixels": str(limits.pixels)},
            io_open=_refuse,
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError, OSError) as exc:
        raise NotAVideo(
            f"this is not a video that can be read: {KINDS}, complete. One whose recording was cut off has no index, and no"
            " player opens it either"
        ) from exc
    with container:
        if container.metadata.get("major_brand", "").strip() in _STILL_BRANDS:
            raise NotAVideo("this is an image, not a video")
        stream = _picture(container)
        sounds = [sound for sound in container.streams.audio if sound.codec_context is not None]
        packets = container.demux([stream, *sounds])
        start, packets = _start(container, packets)
        announced = announced_by(container, stream, start, file, limits)
        facts = _facts(container, stream, announced.seconds)
        check_size(stream.codec_context.width, stream.codec_context.height, limits)
        if announced.latest is not None and announced.latest > limits.seconds:
            too_long(limits)
        stream.thread_type = "AUTO"
        frame_seconds = 1 / facts.fps if facts.fps > 0 else 0.04
        names = container.format.name.split(",")
        clock, exact = Clock(jumps=not _JUMPING.isdisjoint(names)), not _INDEXED.isdisjoint(names)
        yield Video(stream, sounds, packets, limits, clock, start, frame_seconds, announced, exact), facts


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError(f"a video may not open other files ({flags}, {len(options)})")


def _picture(container: InputContainer) -> VideoStream:
    """Return the stream that a player shows: the default one, else the first, cover art not counted."""
    covers = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
    streams = [s for s in container.streams.video if not s.disposition & covers]
    readable = [s for s in streams if s.codec_context is not None]
    if not readable:
        raise NoPicture(
            "its pictures are coded in a way that is not read here"
            if streams
            else "there is no picture in it, only sound"
        )
    return next((s for s in readable if s.disposition & Disposition.default), readable[0])


def _start(
    container: InputContainer, packets: Iterator["av.Packet[Any]"]
) -> tuple[Fraction, Iterator["av.Packet[Any]"]]:
    """Return when the earliest stream starts, seconds, and all of the packets: some files have to be read to know it."""
    if container.start_time is not None:
        return container.start_time * _US, packets
    try:
        first = next(packets)
    except (av.FFmpegError, StopIteration):
        return Fraction(0), iter(())
    at = first.dts if first.pts is None else first.pts
    return (at or 0) * (first.time_base or Fraction(0)), chain([first], packets)


def _facts(container: InputContainer, stream: VideoStream, seconds: float | None) -> Facts:
    context = stream.codec_context
    width, height = square(context.width, context.height, stream.sample_aspect_ratio)
    return Facts(
        width=width,
        height=height,
        seconds=seconds,
        fps=float(stream.average_rate or stream.guessed_rate or 0),
        container=container.format.name,
        codec=context.name,
        audio=tuple(s.codec_context.name for s in container.streams.audio if s.codec_context is not None),
        hdr=is_hdr(context.color_trc),
    )


def square(width: int, height: int, ratio: Fraction | None) -> tuple[int, int]:
    """Return the size with square pixels that neither side loses anything by; `ratio` is a pixel's width by its height."""
    if ratio is None or ratio <= 0 or not Fraction(1, 4) <= ratio <= 4:  # noqa: PLR2004 - what is beyond is a mistake
        return width, height
    return (round(width * ratio), height) if ratio >= 1 else (width, round(height / ratio))


def is_hdr(transfer: int) -> bool:
    """Return whether this transfer characteristic (ITU-T H.273, table 3) is that of PQ (16) or HLG (18)."""
    return transfer in {16, 18}
