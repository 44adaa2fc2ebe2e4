"""File -> [frames with their times]. The only module that opens a stranger's container; it runs in the worker's process."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, BinaryIO, Final, NamedTuple, NoReturn

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from sightserve.video.errors import NoPicture, NotAVideo, VideoTooLarge
from sightserve.video.facts import Facts
from sightserve.video.limits import Limits

# Containers, by FFmpeg's names of their demuxers. Playlists (hls, dash, concat, ...) are not among them: they name other
# files and addresses, and would have this process fetch them.
_CONTAINERS: Final = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,ivf"
_STILL_BRANDS: Final = frozenset({"avif", "avis", "heic", "heix", "mif1", "msf1"})  # images that are stored like an MP4
_DAMAGED_PACKETS_IN_A_ROW: Final = 300
_LONGEST_LAST: Final = 10.0  # seconds that the last frame is shown where the video does not say how long it is
_US: Final = Fraction(1, 1_000_000)
KINDS: Final = "MP4, MOV, WebM, MKV, AVI, MPEG, FLV, WMV or Ogg"


class Shown(NamedTuple):
    """One decoded frame: when it is shown and for how long, seconds from the start of the video."""

    time: float
    seconds: float
    frame: av.VideoFrame


@dataclass(slots=True)
class Video:
    """An open video. Times count from the earliest stream's start, as in a player."""

    container: InputContainer
    stream: VideoStream
    limits: Limits
    start: Fraction
    frame_seconds: float
    announced: float | None
    damaged: int = field(default=0)  # packets that could not be decoded, so far
    end: float = field(default=0.0)  # of the last frame, so far
    last: float = field(default=float("-inf"))  # when it began

    def frames(self) -> Iterator[Shown]:
        """Yield every frame that can be decoded, in the order in which they are shown.

        Raises:
            NoPicture: there is not one.
            VideoTooLarge: it goes on for longer, or has larger or more frames, than the limits say.
        """
        for packet in self.packets([self.stream]):
            yield from self.decode(packet)
        if not self.end:
            raise NoPicture(
                "not one picture in this video can be read: it is damaged, or it was cut off while it was made"
            )

    def packets(self, streams: list[Any]) -> Iterator["av.Packet[Any]"]:
        """Yield the packets of these streams; what cannot be read ends the video there."""
        # A file that was cut off ends with an error or without one, in the demuxer's own way.
        with suppress(av.FFmpegError):
            yield from self.container.demux(streams)

    def decode(self, packet: "av.Packet[Any]") -> Iterator[Shown]:
        """Yield the frames that this packet completes. Errors as in `frames`."""
        try:
            frames = packet.decode()
        except av.FFmpegError as exc:
            self.damaged += 1
            if self.damaged >= _DAMAGED_PACKETS_IN_A_ROW and not self.end:
                raise NoPicture("the pictures of this video cannot be read") from exc
            return
        for frame in frames:
            if isinstance(frame, av.VideoFrame):
                yield from self._placed(frame)

    def _placed(self, frame: av.VideoFrame) -> Iterator[Shown]:
        check_size(frame.width, frame.height, self.limits)
        time = (
            self.end
            if frame.pts is None or frame.time_base is None
            else float(frame.pts * frame.time_base - self.start)
        )
        if time > self.limits.seconds:
            _too_long(self.limits)
        seconds = self._duration(frame, time)
        # What comes before the start is not shown by players, and what does not go forward is not shown at all.
        if time + seconds <= 0 or time < self.last:
            return
        self.last, self.end = time, max(time, 0.0) + seconds
        yield Shown(time, seconds, frame)

    def _duration(self, frame: av.VideoFrame, time: float) -> float:
        """Return for how long a frame is shown, as far as it can be known before the next: it matters for the last one."""
        if not frame.duration or not frame.time_base:
            return self.frame_seconds
        left = _LONGEST_LAST if self.announced is None else self.announced - time
        return min(float(frame.duration * frame.time_base), left if left > 0 else self.frame_seconds)


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
        facts = _facts(container, stream)
        check_size(stream.codec_context.width, stream.codec_context.height, limits)
        if facts.seconds is not None and facts.seconds > limits.seconds:
            _too_long(limits)
        stream.thread_type = "AUTO"
        start = container.start_time * _US if container.start_time is not None else Fraction(0)
        frame_seconds = 1 / facts.fps if facts.fps > 0 else 0.04
        yield Video(container, stream, limits, start, frame_seconds, facts.seconds), facts


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


def _facts(container: InputContainer, stream: VideoStream) -> Facts:
    context = stream.codec_context
    width, height = square(context.width, context.height, stream.sample_aspect_ratio)
    seconds = float(container.duration * _US) if container.duration is not None and container.duration > 0 else None
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


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise VideoTooLarge where a picture has more pixels than the limit."""
    if width * height > limits.pixels:
        raise VideoTooLarge(f"its pictures have {width:,} x {height:,} pixels; {limits.pixels:,} in all is the limit")


def _too_long(limits: Limits) -> NoReturn:
    raise VideoTooLarge(f"this video is longer than {limits.seconds / 60:.0f} minutes, which is the limit")
