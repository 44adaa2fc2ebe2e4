"""Packets' times as written -> [one time that goes on], as FFmpeg's own program does it. Pure: whole microseconds, no packets.

Recordings that were joined (transport streams, DVDs, WebM in pieces) start their time again; those that lost their signal jump.
"""

from dataclasses import dataclass, field
from typing import Final

# FFmpeg's own (fftools/ffmpeg_demux.c, ts_discontinuity_detect): what is less is a pause, or a stream that is a bit late.
JUMP: Final = 10_000_000
BACK: Final = 100_000


@dataclass(slots=True)
class _Stream:
    offset: int
    last: int | None = None  # when the packet before is decoded
    next: int = 0  # when the next one ought to be
    end: int | None = None  # until when it is shown or heard


@dataclass(slots=True)
class Clock:
    """Says by how much the times of each packet are to be moved.

    Each stream has its own offset, for the last packets of one recording come after the first ones of the next. Streams stay in
    step: one that jumps takes the offset of another that has jumped before where that fits.

    Attributes:
        jumps: whether time may jump ahead in this kind of file too; in others such a gap is a picture that stands still.
    """

    jumps: bool
    _streams: dict[int, _Stream] = field(default_factory=dict)
    _newest: int = 0
    _first: int | None = None

    @property
    def end(self) -> int:
        """Until when anything is shown or heard, as far as it was read."""
        return max((stream.end for stream in self._streams.values() if stream.end is not None), default=0)

    def offset(self, index: int, dts: int | None, pts: int | None, length: int, *, key: bool) -> int:
        """Return what to add to the times of a stream's next packet.

        Args:
            index: of the stream.
            dts: when it is to be decoded, as it says.
            pts: when it is to be shown, as it says.
            length: for how long it is shown.
            key: whether it can be decoded alone, as the first one of a recording can.
        """
        stream = self._streams.setdefault(index, _Stream(self._newest))
        if dts is not None:
            self._place(stream, dts, key=key)
            stream.last = dts + stream.offset
            stream.next = stream.last + length
        # one that says it is shown long before or after it is decoded does not know
        shown = pts if dts is None or (pts is not None and abs(pts - dts) <= JUMP) else dts
        if shown is not None:
            end = shown + stream.offset + length
            stream.end = end if stream.end is None else max(stream.end, end)
        return stream.offset

    def _place(self, stream: _Stream, dts: int, *, key: bool) -> None:
        if stream.last is None:
            at = dts + stream.offset
            if self._first is None:
                self._first = at
            # a picture may come far behind the sound that belongs to it, where they were badly mixed
            elif self.jumps and not self._first - JUMP <= at <= self.end + JUMP:
                self._move(stream, self.end - dts)
            return
        if abs(dts + self._newest - stream.next) < abs(dts + stream.offset - stream.next):
            stream.offset = self._newest
        at = dts + stream.offset
        back = at + BACK < stream.last and (key or self.jumps)
        if back or (self.jumps and at - max(stream.next, self.end) > JUMP):
            # where all streams have ended: the sound of what came before may have outlasted its picture
            late = self.end - (self.end if stream.end is None else stream.end)
            self._move(stream, stream.next - dts + (late if late > BACK else 0))

    def _move(self, stream: _Stream, offset: int) -> None:
        stream.offset = self._newest = offset
