"""A JPEG's bytes -> [the picture's own scans, to their end] -> a picture that is whole, or an error.

libjpeg fills whatever is missing with grey and says so by a warning that Pillow drops; and it finds a picture without an end
marker incomplete, which every browser shows. So neither its word nor the last two bytes are asked. The decoder is given the
picture without its end marker, and a few zero bytes more. Where the coded data were all there, it is done, or it steps over
bytes of no meaning while it looks for the next marker; where data were missing, it takes the bytes for data, and wants more.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from PIL import Image, ImageFile

from sightserve.imaging.errors import UnreadableImage, UnsupportedImageType

# Encoders write about 10 scans. libtiff stops at 100 too; libjpeg itself has no limit.
_MOST_SCANS: Final = 100
_MOST_SEGMENTS: Final = 2_000
_COEFFICIENTS: Final = 64
_END: Final = b"\xff\xd9"
_MORE_PICTURES: Final = b"MPF\0"  # phones put a gain map or a preview behind the picture
_TAIL: Final = 16  # bytes at the end of a scan without which it cannot be whole
_LOOKAHEAD: Final = bytes(8)  # libjpeg reads up to 57 bits before it decodes those that it has

# In a scan's data FF is always followed by 00 or by a restart marker (ITU-T T.81, section B.1.1.5).
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
_EOI, _SOS, _DRI = 0xD9, 0xDA, 0xDD
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # table B.1, without DHT, JPG and DAC
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1, 0xC9})
_JPEG_LS: Final = 0xF7
_ARITHMETIC: Final = frozenset(range(0xC9, 0xD0))


@dataclass(slots=True)
class _Picture:
    """What a JPEG's segments say up to its end.

    Attributes:
        end: offset behind the last scan's data.
        frame: marker of the frame header, 0 before there was one.
        components: id -> sampling factors, horizontal and vertical.
        precision: component's id -> how many low bits are still missing, for each of the coefficients that were sent.
        interval: MCUs between two restart markers, 0 where there are none.
        guessed: `end` was not looked for.
        scan: offset of the last scan's data, and its components' ids.
    """

    end: int
    frame: int = 0
    width: int = 0
    height: int = 0
    components: dict[int, tuple[int, int]] = field(default_factory=dict)
    precision: dict[int, dict[int, int]] = field(default_factory=dict)
    interval: int = 0
    guessed: bool = False
    scan: tuple[int, bytes] = (0, b"")

    @property
    def single(self) -> bool:
        """Whether one scan brings everything, so that rows are written as they come."""
        return self.frame not in _PROGRESSIVE and len(self.scan[1]) == len(self.components)

    @property
    def complete(self) -> bool:
        """Whether nothing can follow but the end: every coefficient of every component has come."""
        if self.frame not in _PROGRESSIVE:
            return self.components.keys() <= self.precision.keys()
        return self.all_sent and all(len(self.precision[component]) == _COEFFICIENTS for component in self.components)

    @property
    def all_sent(self) -> bool:
        """Whether every component has come, to its last bit."""
        return all(
            0 in self.precision.get(component, ()) and not any(self.precision[component].values())
            for component in self.components
        )

    def all_restarts(self, data: bytes) -> bool:
        """Whether the last scan has as many restart markers as it needs: before each, a decoder waits as it does at the end."""
        if not self.interval or self.single:
            return True
        start, ids = self.scan
        across = max(across for across, _ in self.components.values())
        down = max(down for _, down in self.components.values())
        if len(ids) > 1:
            columns, rows = -(-self.width // (8 * across)), -(-self.height // (8 * down))
        else:
            own = self.components[ids[0]]
            columns, rows = -(-self.width * own[0] // (8 * across)), -(-self.height * own[1] // (8 * down))
        found = sum(1 for _ in _RESTART.finditer(data, start, self.end))
        return found >= -(-columns * rows // self.interval) - 1


def check_frame(marker: int, bits: int) -> None:
    """Refuse what libjpeg does not decode, by name, when a frame header is met; do nothing at any other segment.

    Args:
        marker: the segment's second byte.
        bits: the first byte of its body: in a frame header, those of a sample.

    Raises:
        UnsupportedImageType: such a kind of JPEG.
    """
    name = None
    if marker == _JPEG_LS:
        name = "JPEG-LS"
    elif marker in _FRAMES - _SEQUENTIAL - _PROGRESSIVE or marker in {0xC6, 0xCE}:
        name = "lossless and hierarchical JPEG"
    elif marker in _FRAMES and bits > 8:  # noqa: PLR2004
        name = f"JPEG with {bits} bits a sample"
    if name:
        raise UnsupportedImageType(f"{name} is not taken: save it as an ordinary JPEG or as PNG")


def keeps_coefficients(data: bytes) -> bool:
    """Return whether a decoder has to keep the whole picture's coefficients until its end: it comes in several scans."""
    components, at = 0, 2
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None or found.end() + 8 > len(data):
            return False
        marker, at = data[found.start() + 1], found.end()
        if marker in _PROGRESSIVE:
            return True
        if marker in _FRAMES:
            components = data[at + 7]
        elif marker == _SOS:
            return data[at + 2] < components
        at += int.from_bytes(data[at : at + 2], "big")
    return False


def load(image: ImageFile.ImageFile, data: bytes) -> None:
    """Decode an opened JPEG in place, to the end of its first picture and no further (a video may follow, or more pictures).

    Raises:
        UnreadableImage: more scans than any honest file has, or a picture that ends too soon.
    """
    picture = _walk(data)
    whole = _decode(image, data, picture)
    if whole is None:
        picture = _walk(data, search=True)
        whole = _decode(image, data, picture)
    if not whole or not picture.all_sent or not picture.all_restarts(data):
        raise UnreadableImage("the JPEG image is incomplete: its data end before its picture does")
    image.tile = []


def _decode(image: ImageFile.ImageFile, data: bytes, picture: _Picture) -> bool | None:
    """Give the decoder all that there is; return whether it was enough, None where it was too much: the end lies elsewhere."""
    name, extents, _, args = image.tile[0]
    image.load_prepare()
    decoder = Image._getdecoder(image.mode, name, args, image.decoderconfig)
    try:
        decoder.setimage(image.im, extents)
        scans = memoryview(data)[: picture.end]
        if picture.frame in _ARITHMETIC:  # cannot be interrupted
            return _done(*decoder.decode(bytes(scans) + _END))
        if picture.guessed and _END in bytes(scans[-_TAIL - 1 :]):
            return None
        taken, error = decoder.decode(scans[:-_TAIL] if picture.guessed else scans)
        if taken < 0:
            return None if picture.guessed else _done(taken, error)
        left = bytes(scans[taken:]) + _LOOKAHEAD
        taken, error = decoder.decode(left)
        if taken < 0 or picture.single:
            return _done(taken, error)
        if taken < len(left) or decoder.decode(b"\0")[0] != 1:
            return False
        return _done(*decoder.decode(_END))  # several scans: rows are written when all of them have come
    finally:
        decoder.cleanup()


def _done(taken: int, error: int) -> bool:
    if error < 0:
        raise UnreadableImage("the JPEG image is damaged")
    return taken < 0


def _walk(data: bytes, *, search: bool = False) -> _Picture:
    """Go from segment to segment, over each scan's data, to the end of the picture.

    To look through a scan takes a twentieth of the time of decoding it. So, unless told to search, the end of the file is taken
    for that of its only scan where it looks like one; the decoder says whether that was right.
    """
    picture = _Picture(len(data))
    at, scans = 2, 0
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            return picture
        marker, at = data[found.start() + 1], found.end()
        if marker == _EOI or (scans and picture.complete):  # what comes without an end marker before it is a trailer
            picture.end = found.start()
            return picture
        body = data[at + 2 : at + int.from_bytes(data[at : at + 2], "big")]
        at += 2 + len(body)
        if marker == _SOS:
            scans += 1
            if scans > _MOST_SCANS:
                raise UnreadableImage(f"the JPEG image has more than {_MOST_SCANS} scans")
            _scan(at, body, picture)
            if picture.single and not search and data.endswith(_END) and data.find(_MORE_PICTURES, 0, at) < 0:
                picture.end, picture.guessed = len(data) - len(_END), True
                return picture
        elif marker in _FRAMES:
            _frame(marker, body, picture)
        elif marker == _DRI:
            picture.interval = int.from_bytes(body[:2], "big")
    raise UnreadableImage(f"the JPEG image has more than {_MOST_SEGMENTS:,} segments")


def _frame(marker: int, body: bytes, picture: _Picture) -> None:
    picture.frame = marker
    picture.height, picture.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    for at in range(6, 6 + 3 * body[5], 3):
        picture.components[body[at]] = (body[at + 1] >> 4 or 1, body[at + 1] & 15 or 1)


def _scan(at: int, body: bytes, picture: _Picture) -> None:
    """Note what a scan brings."""
    ids = body[1 : 1 + 2 * body[0] : 2]
    picture.scan = (at, ids)
    first, last, low = (*body[-3:-1], body[-1] & 15) if picture.frame in _PROGRESSIVE else (0, 0, 0)
    for component in ids:
        picture.precision.setdefault(component, {}).update(dict.fromkeys(range(first, min(last, 63) + 1), low))
