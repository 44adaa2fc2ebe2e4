"""File -> [frames with their times]. The only module that opens a stranger's container; it runs in the worker's process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, BinaryIO, Final, NamedTuple, NoReturn

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from sightserve.video.errors import NoPicture, NotAVideo, VideoTooLarge
from sightserve.video.facts import Facts
from sightserve.video.limits import Limits
from sightserve.video.worker.announced import Announced, announced_by
from sightserve.video.worker.clock import JUMP, Clock

# Containers, by FFmpeg's names of their demuxers. Playlists (hls, dash, concat, ...) are not among them: they name other
# files and addresses, and would have this process fetch them.
_CONTAINERS: Final = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,ivf"
_STILL_BRANDS: Final = frozenset({"avif", "avis", "heic", "heix", "mif1", "msf1"})  # images that are stored like an MP4
_DAMAGED_PACKETS_IN_A_ROW: Final = 300
_LONGEST_LAST: Final = 10.0  # seconds that the last frame is shown where the video does not say how long it is
_PADDING: Final = 0.1  # seconds of sound behind the last picture that only fill its codec's last block
_JUMPING: Final = frozenset({"mpegts", "mpeg", "ogg"})  # where FFmpeg's own program reckons with it: AVFMT_TS_DISCONT
_FARTHEST: Final = 1 << 62  # what a packet's time can hold
_US: Final = Fraction(1, 1_000_000)
KINDS: Final = "MP4, MOV, WebM, MKV, AVI, MPEG, FLV, WMV or Ogg"


class Shown(NamedTuple):
    """One decoded frame: when it is shown and for how long, seconds from the start of the video."""

    time: float
    seconds: float
    frame: av.VideoFrame


@dataclass(slots=True)
class Video:
    """An open video. Times count from the earliest stream's start, as in a player, and only ever go on."""

    container: InputContainer
    stream: VideoStream
    sounds: list[AudioStream]
    limits: Limits
    clock: Clock
    start: Fraction
    frame_seconds: float
    announced: Announced
    damaged: int = field(default=0)  # packets that could not be decoded, so far
    end: float = field(default=0.0)  # of the last frame, so far
    last: float = field(default=float("-inf"))  # when it began
    repeated: float = field(default=0.0)  # until when it was said that the last picture is shown again

    def frames(self) -> Iterator[Shown]:
        """Yield every frame that can be decoded, in the order in which they are shown.

        Raises:
            NoPicture: there is not one.
            VideoTooLarge: it goes on for longer, or has larger or more frames, than the limits say.
        """
        for packet in self.packets():
            if packet.stream is self.stream:
                yield from self.decode(packet)
        yield from self.rest()
        if not self.end:
            raise NoPicture(
                "not one picture in this video can be read: it is damaged, or it was cut off while it was made"
            )

    def packets(self) -> Iterator["av.Packet[Any]"]:
        """Yield the packets of picture and sound, with times that go on; what cannot be read ends the video there."""
        demuxed = self.container.demux([self.stream, *self.sounds])
        while True:
            try:
                packet = next(demuxed)
            except (av.FFmpegError, StopIteration):
                return  # a file that was cut off ends with an error or without one, in the demuxer's own way
            end = self._move(packet)
            if packet.size:
                yield packet
            elif packet.stream is self.stream:
                # in Theora, AVI and VP8 nothing says "as before"; a decoder takes it for the end of everything
                self.repeated = max(self.repeated, end)

    def decode(self, packet: "av.Packet[Any] | None") -> Iterator[Shown]:
        """Yield the frames that this packet completes, or those that are left where it is None. Errors as in `frames`."""
        try:
            frames = self.stream.codec_context.decode(packet)
        except av.FFmpegError as exc:
            self.damaged += packet is not None
            if self.damaged >= _DAMAGED_PACKETS_IN_A_ROW and not self.end:
                raise NoPicture("the pictures of this video cannot be read") from exc
            return
        for frame in frames:
            yield from self._placed(frame)

    def rest(self) -> Iterator[Shown]:
        """Yield the frames that the decoder still holds, once there are no more packets."""
        yield from self.decode(None)

    @property
    def cut_off(self) -> bool:
        """Whether the picture ended before the file says it does, once everything was read."""
        return self.announced.is_missed_by(max(self.end, self.repeated), self._reached)

    @property
    def shown_until(self) -> float:
        """Until when the last picture is on screen, once everything was read: a player holds it while there is sound."""
        held = 0.0 if self.cut_off or self._reached - self.end < _PADDING else self._reached
        return max(self.end, self.repeated, held)

    @property
    def _reached(self) -> float:
        return float(self.clock.end * _US - self.start)

    def _move(self, packet: "av.Packet[Any]") -> float:
        """Put a packet where it belongs in time; return where it ends, seconds from the start."""
        base = packet.time_base
        if base is None or (packet.dts is None and packet.pts is None):
            return 0.0
        dts, pts = _microseconds(packet.dts, base), _microseconds(packet.pts, base)
        length = max(0, _microseconds(packet.duration, base) or 0)
        if not length and packet.stream is self.stream:
            length = round(1_000_000 * self.frame_seconds)
        offset = self.clock.offset(packet.stream.index, dts, pts, length, key=packet.is_keyframe)
        if self._reached > self.limits.seconds + _LONGEST_LAST:
            too_long(self.limits)
        if self.clock.jumps and dts is not None and pts is not None and abs(pts - dts) > JUMP:
            packet.pts = None  # nonsense; the decoder counts on
        if offset:
            ticks = round(Fraction(offset, 1_000_000) / base)
            packet.dts, packet.pts = _moved(packet.dts, ticks), _moved(packet.pts, ticks)
        at = pts if pts is not None else dts
        return 0.0 if at is None else float((at + offset + length) * _US - self.start)

    def _placed(self, frame: av.VideoFrame) -> Iterator[Shown]:
        check_size(frame.width, frame.height, self.limits)
        base = frame.time_base or self.stream.time_base
        time = self.end if frame.pts is None or not base else float(frame.pts * base - self.start)
        if time > self.limits.seconds:
            too_long(self.limits)
        seconds = self._duration(frame, time)
        # What comes before the start is not shown by players, and what does not go forward is not shown at all.
        if time + seconds <= 0 or time < self.last:
            return
        self.last, self.end = time, max(time, 0.0) + seconds
        yield Shown(time, seconds, frame)

    def _duration(self, frame: av.VideoFrame, time: float) -> float:
        """Return for how long a frame is shown, as far as it can be known before the next: it matters for the last one."""
        base = frame.time_base or self.stream.time_base
        if not frame.duration or not base:
            return self.frame_seconds
        left = _LONGEST_LAST if self.announced.latest is None else self.announced.latest - time
        return min(float(frame.duration * base), left if left > 0 else self.frame_seconds)


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
        announced = announced_by(container, stream, limits)
        facts = _facts(container, stream, announced.seconds)
        check_size(stream.codec_context.width, stream.codec_context.height, limits)
        if announced.latest is not None and announced.latest > limits.seconds:
            too_long(limits)
        stream.thread_type = "AUTO"
        sounds = [sound for sound in container.streams.audio if sound.codec_context is not None]
        start = container.start_time * _US if container.start_time is not None else Fraction(0)
        frame_seconds = 1 / facts.fps if facts.fps > 0 else 0.04
        clock = Clock(jumps=not _JUMPING.isdisjoint(container.format.name.split(",")))
        yield Video(container, stream, sounds, limits, clock, start, frame_seconds, announced), facts


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


def _microseconds(ticks: int | None, base: Fraction) -> int | None:
    return None if ticks is None else ticks * base.numerator * 1_000_000 // base.denominator


def _moved(ticks: int | None, by: int) -> int | None:
    return None if ticks is None or abs(ticks + by) >= _FARTHEST else ticks + by


def is_hdr(transfer: int) -> bool:
    """Return whether this transfer characteristic (ITU-T H.273, table 3) is that of PQ (16) or HLG (18)."""
    return transfer in {16, 18}


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise VideoTooLarge where a picture has more pixels than the limit."""
    if width * height > limits.pixels:
        raise VideoTooLarge(f"its pictures have {width:,} x {height:,} pixels; {limits.pixels:,} in all is the limit")


def too_long(limits: Limits) -> NoReturn:
    """Raise VideoTooLarge."""
    raise VideoTooLarge(f"this video is longer than {limits.seconds / 60:.0f} minutes, which is the limit")
