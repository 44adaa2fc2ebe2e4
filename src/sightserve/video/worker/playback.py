"""Packets -> [frames with their times], for as long as there is something to see."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, NamedTuple, NoReturn

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from sightserve.video.errors import NoPicture, VideoTooLarge
from sightserve.video.limits import Limits
from sightserve.video.worker.announced import Announced
from sightserve.video.worker.clock import JUMP, Clock

_DAMAGED_PACKETS_IN_A_ROW: Final = 300
_LONGEST_LAST: Final = 10.0  # seconds that the last frame is shown where the video does not say how long it is
_PADDING: Final = 0.1  # seconds of sound behind the last picture that only fill its codec's last block
_MOST_HELD: Final = 1 << 26  # bytes of packets that wait for a later key frame
_FARTHEST: Final = 1 << 62  # what a packet's time can hold
_US: Final = Fraction(1, 1_000_000)


class Shown(NamedTuple):
    """One decoded frame: when it is shown and for how long, seconds from the start of the video."""

    time: float
    seconds: float
    frame: av.VideoFrame


@dataclass(slots=True)
class Video:
    """An open video. Times count from the earliest stream's start, as in a player, and only ever go on."""

    stream: VideoStream
    sounds: list[AudioStream]
    demuxed: Iterator["av.Packet[Any]"]
    limits: Limits
    clock: Clock
    start: Fraction
    frame_seconds: float
    announced: Announced
    exact_keys: bool = False  # whether this kind of file says of each packet when it is shown, and what stands alone
    damaged: int = field(default=0)  # packets that could not be decoded, so far
    end: float = field(default=0.0)  # of the last frame, so far
    last: float = field(default=float("-inf"))  # when it began
    repeated: float = field(default=0.0)  # until when it was said that the last picture is shown again

    def frames(self, since: float = 0.0) -> Iterator[Shown]:
        """Yield every frame that can be decoded, in the order in which they are shown.

        Args:
            since: seconds; what comes well before may be left out. What is on screen then is not.

        Raises:
            NoPicture: there is not one.
            VideoTooLarge: it goes on for longer, or has larger or more frames, than the limits say.
        """
        for packet in self._needed(since):
            yield from self.decode(packet)
        yield from self.rest()
        if not self.end:
            raise NoPicture(
                "not one picture in this video can be read: it is damaged, or it was cut off while it was made"
            )

    def _needed(self, since: float) -> Iterator["av.Packet[Any]"]:
        """Yield the picture's packets that it takes to decode what is shown from then on: those from its key frame on.

        All are read, none is sought: so time goes on as if all had been decoded, whatever jumps there are in it.
        """
        pictures = (packet for packet in self.packets() if packet.stream is self.stream)
        if not since or not self.exact_keys:
            yield from pictures
            return
        kept: list[av.Packet[Any]] = []
        held = 0
        for packet in pictures:
            at = self._at(packet)
            if at is None or at > since or held > _MOST_HELD:
                yield from kept
                yield packet
                break
            if packet.is_keyframe:
                kept, held = [], 0
                self.end = max(self.end, at)
            kept.append(packet)
            held += packet.size
        else:
            yield from kept
        yield from pictures

    def _at(self, packet: "av.Packet[Any]") -> float | None:
        """Return when a packet's picture is shown, seconds from the start; None where it does not say."""
        if packet.pts is None or packet.time_base is None:
            return None
        return float(packet.pts * packet.time_base - self.start)

    def packets(self) -> Iterator["av.Packet[Any]"]:
        """Yield the packets of picture and sound, with times that go on; what cannot be read ends the video there."""
        while True:
            try:
                packet = next(self.demuxed)
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
        repeated = self.announced.latest if self.announced.repeats else None
        return max(self.end, self.repeated, held, repeated or 0.0)

    @property
    def _reached(self) -> float:
        return float(self.clock.end * _US - self.start)

    def _move(self, packet: "av.Packet[Any]") -> float:
        """Put a packet where it belongs in time; return where it ends, seconds from the start."""
        base = packet.time_base
        if base is None or (packet.dts is None and packet.pts is None) or packet.is_discard:
            return 0.0  # decoded, where others need it, and not shown
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


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise VideoTooLarge where a picture has more pixels than the limit."""
    if width * height > limits.pixels:
        raise VideoTooLarge(f"its pictures have {width:,} x {height:,} pixels; {limits.pixels:,} in all is the limit")


def too_long(limits: Limits) -> NoReturn:
    """Raise VideoTooLarge."""
    raise VideoTooLarge(f"this video is longer than {limits.seconds / 60:.0f} minutes, which is the limit")


def _microseconds(ticks: int | None, base: Fraction) -> int | None:
    return None if ticks is None else ticks * base.numerator * 1_000_000 // base.denominator


def _moved(ticks: int | None, by: int) -> int | None:
    return None if ticks is None or abs(ticks + by) >= _FARTHEST else ticks + by
