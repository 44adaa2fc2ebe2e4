"""An open container -> [how long it says that it plays]: what tells a picture that was cut off from one that merely ends."""

import os
from fractions import Fraction
from typing import BinaryIO, Final, NamedTuple

from av.container import InputContainer
from av.video.stream import VideoStream

from sightserve.video.limits import Limits

_US: Final = Fraction(1, 1_000_000)
# Nothing in these says how long they are: FFmpeg looks at the last times in them, which tells nothing of what is missing.
_ESTIMATED: Final = frozenset({"mpegts", "mpeg", "ogg", "ivf"})
_MOST_RIFFS: Final = 1024  # of a gigabyte each, usually
_OWN: Final = frozenset(
    {"mov", "avi"}
)  # where each stream says how long it is itself; elsewhere FFmpeg gives all the file's


class Announced(NamedTuple):
    """What a file says of its length, seconds from its start; None where it does not say.

    Attributes:
        picture: until when there is a picture.
        whole: until when there is anything: sound or subtitles may outlast the picture.
        estimate: of the whole, from the last times in it, where nothing is announced.
        repeats: whether the last picture is repeated to the picture's end where none is there.
    """

    picture: float | None
    whole: float | None
    estimate: float | None = None
    repeats: bool = False

    @property
    def seconds(self) -> float | None:
        """Until when there is a picture, as well as it is known."""
        known = self.picture if self.picture is not None else self.whole
        return known if known is not None else self.estimate

    @property
    def latest(self) -> float | None:
        """Until when a picture may be there; None where nothing is announced."""
        return self.picture if self.picture is not None else self.whole

    def is_missed_by(self, picture: float, anything: float) -> bool:
        """Return whether what was read ends before this does.

        Args:
            picture: until when there was a picture, seconds.
            anything: until when there was picture or sound.
        """
        if self.repeats:
            return False
        if self.picture is not None:
            return picture < 0.97 * self.picture - 1.0
        return self.whole is not None and max(picture, anything) < 0.97 * self.whole - 1.0


def announced_by(
    container: InputContainer, stream: VideoStream, start: Fraction, file: BinaryIO, limits: Limits
) -> Announced:
    """Return what an open container says of its length.

    Args:
        container: the file.
        stream: its picture.
        start: of its earliest stream, seconds.
        file: what it reads.
        limits: an estimate beyond them is none: time has jumped.
    """
    kinds = set(container.format.name.split(","))
    whole = None if not container.duration or container.duration < 0 else container.duration * _US
    if kinds & _ESTIMATED:
        return Announced(None, None, None if whole is None or whole > limits.seconds else float(whole))
    picture: Fraction | None = None
    if "matroska" in kinds:
        # some write how long it is, others when it ends; the lesser of both accuses nobody
        late = max(start, Fraction(0))
        tag = _clock(stream.metadata.get("DURATION", ""))
        picture = None if tag is None else _less(tag, late)
        whole = None if whole is None else _less(whole, late)
    elif kinds & _OWN and stream.duration and stream.duration > 0 and stream.time_base:
        picture = ((stream.start_time or 0) + stream.duration) * stream.time_base - start
    # FFmpeg does not tell of an AVI's empty packets, which repeat a picture
    return Announced(_positive(picture), _positive(whole), repeats="avi" in kinds and _all_there(file))


def _all_there(file: BinaryIO) -> bool:
    """Return whether a RIFF file is as long as its heads say; large ones have one after the other."""
    at = file.tell()
    try:
        size, place = file.seek(0, os.SEEK_END), 0
        for _ in range(_MOST_RIFFS):
            if place >= size:
                break
            file.seek(place)
            head = file.read(8)
            if head[:4] != b"RIFF":
                return place > 0
            place += 8 + int.from_bytes(head[4:], "little")
        return 0 <= place - size <= 1  # the byte that makes it even may be missing
    finally:
        file.seek(at)


def _positive(seconds: Fraction | None) -> float | None:
    return None if seconds is None or seconds <= 0 else float(seconds)


def _less(end: Fraction, start: Fraction) -> Fraction:
    return end - start if end > start else end


def _clock(text: str) -> Fraction | None:
    """Return the seconds of hours:minutes:seconds as Matroska's tags have it, None for anything else."""
    try:
        hours, minutes, seconds = text.split(":")
        found = int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except (ValueError, ZeroDivisionError):
        return None
    return found if found > 0 else None
