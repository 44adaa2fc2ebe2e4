"""The web app's side of previews: photos in, JPEGs out, by a few children that are bounded in time and memory and replaced."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sightserve.previews.turns import FairTurns
from sightserve.sandbox.conversation import ChildLost, ChildSilent, Conversation
from sightserve.sandbox.process import spawn
from sightserve.sandbox.wire import Message

_WORKER: Final = "sightserve.previews.worker"
_MOST_CHILDREN: Final = 2
_STARTS_WITHIN: Final = 30.0  # seconds
_JPEG: Final = b"\xff\xd8\xff"
_MOST_MADE: Final = 1_000  # photos by one child: what a decoder leaks is bounded too
# Decoded pixels (of four bytes) in memory at once, over all children: one large photo, or a few ordinary ones.
_MOST_PIXELS_HELD: Final = 64_000_000


class Why(StrEnum):
    """Why there is no picture."""

    TOO_LARGE = "too_large"
    UNKNOWN_KIND = "unknown_kind"
    DAMAGED = "damaged"
    TOO_SLOW = "too_slow"
    BUSY = "busy"


_REFUSALS: Final = {"TooManyPixels": Why.TOO_LARGE, "UnsupportedImageType": Why.UNKNOWN_KIND}


class NoPicture(Exception):
    """A photo cannot be shown; `why` says why."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Made:
    """A photo at the sizes that were wanted.

    Attributes:
        jpegs: one for each size, in their order.
        width, height: of the first one, in pixels.
    """

    jpegs: list[bytes]
    width: int
    height: int


class Pool:
    """Decodes photos for all sessions. Safe to call from any thread; a call waits for its picture."""

    def __init__(self, *, seconds: float = 2.0, patience: float = 10.0, max_pixels: int = 50_000_000) -> None:
        """Set up; children start as they are needed.

        Args:
            seconds: that one photo may take, what it waits for others not counted.
            patience: seconds that one waits for others, at most.
            max_pixels: of one photo.
        """
        self._seconds, self._patience, self._max_pixels = seconds, patience, max_pixels
        self._turns = FairTurns(max(1, min(_MOST_CHILDREN, os.cpu_count() or 1)))
        self._idle: list[_Worker] = []
        self._free = _MOST_PIXELS_HELD
        self._freed = threading.Condition()

    def make(self, photo: bytes, sizes: Sequence[tuple[int, int]], owner: str) -> Made:
        """Return a photo as JPEGs, upright, in sRGB, over white.

        Args:
            photo: a file's bytes.
            sizes: longest side in pixels and JPEG quality (1 to 95) of each, the largest first.
            owner: whose photo it is: sessions have turns.

        Raises:
            NoPicture: there is none.
        """
        try:
            with self._turns.turn(owner, self._patience):
                worker = self._idle.pop() if self._idle else _Worker()
                try:
                    answer = worker.ask(photo, sizes, self._max_pixels, self._seconds, self._memory)
                except BaseException:
                    worker.end()
                    self._idle.append(_Worker())  # while nobody waits for it, it imports what it needs
                    raise
                self._keep(worker)
        except TimeoutError:
            raise NoPicture(Why.BUSY) from None
        except ChildSilent as exc:
            raise NoPicture(Why.TOO_SLOW) from exc
        except ChildLost as exc:
            raise NoPicture(Why.DAMAGED) from exc
        if isinstance(answer, Why):
            raise NoPicture(answer)
        return answer

    def close(self) -> None:
        """End the children that are idle."""
        while self._idle:
            self._idle.pop().end()

    def _keep(self, worker: "_Worker") -> None:
        if worker.made < _MOST_MADE:
            self._idle.append(worker)
        else:
            worker.end()

    @contextmanager
    def _memory(self, pixels: int) -> Iterator[bool]:
        """Hold so many pixels within the block; yields whether there is room at all. Raises TimeoutError."""
        if pixels > _MOST_PIXELS_HELD:
            yield False
            return
        with self._freed:
            if not self._freed.wait_for(lambda: self._free >= pixels, self._patience):
                raise TimeoutError
            self._free -= pixels
        try:
            yield True
        finally:
            with self._freed:
                self._free += pixels
                self._freed.notify_all()


class _Worker:
    """One child."""

    def __init__(self) -> None:
        self._talk = Conversation(spawn(_WORKER))
        self._ready = False
        self.made = 0

    def end(self) -> None:
        self._talk.close()

    def ask(
        self,
        photo: bytes,
        sizes: Sequence[tuple[int, int]],
        max_pixels: int,
        seconds: float,
        memory: Callable[[int], AbstractContextManager[bool]],
    ) -> Made | Why:
        """Return what it makes of a photo.

        Raises:
            ChildSilent, ChildLost: it took too long, or died.
            TimeoutError: there was no memory for it.
        """
        if not self._ready:  # its imports are not the photo's time
            self._talk.receive(quiet=_STARTS_WITHIN)
            self._ready = True
        self.made += 1
        self._talk.send({"sizes": sizes, "max_pixels": max_pixels}, photo, seconds=seconds)
        told = self._talk.receive(quiet=seconds, total=seconds)
        if "needs" in told.content:
            with memory(_whole(told.content["needs"])) as granted:
                self._talk.send({"granted": granted}, seconds=seconds)
                told = self._talk.receive(quiet=seconds, total=seconds)
        return _made(told, len(sizes))


def _made(told: Message, count: int) -> Made | Why:
    """Return what a child says that it made, checked: a photo may have taken it over."""
    content, attached = told
    if "refused" in content:
        return _REFUSALS.get(str(content["refused"]), Why.DAMAGED)
    lengths = content.get("lengths")
    if not isinstance(lengths, list) or len(lengths) != count or sum(map(_whole, lengths)) != len(attached):
        raise ChildLost("it says what makes no sense")
    jpegs, start = [], 0
    for length in lengths:
        jpegs.append(attached[start : start + length])
        start += length
    if not all(
        jpeg.startswith(_JPEG) for jpeg in jpegs
    ):  # the page sends these on to browsers as what they claim to be
        raise ChildLost("it says what makes no sense")
    return Made(jpegs, _whole(content.get("width")), _whole(content.get("height")))


def _whole(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ChildLost("it says what makes no sense")
    return value
