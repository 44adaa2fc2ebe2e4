"""Videos whose content is known at every moment, and a classifier that knows colours."""

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image
from tools.make_video import write_video

from sightserve.video.timeline import Guess

COLOURS = {"red": (200, 30, 30), "green": (30, 170, 40), "blue": (40, 50, 200), "grey": (120, 120, 120)}
FAST = {"preset": "ultrafast"}


def coloured(folder: Path, name: str, scenes: Sequence[tuple[str, float]], **how: Any) -> Path:
    """A video that shows these colours for so many seconds each."""
    photos = {}
    for colour, _ in scenes:
        photos[colour] = folder / f"{colour}.png"
        Image.new("RGB", (64, 64), COLOURS[colour]).save(photos[colour])
    path = folder / name
    if how.get("codec", "libx264") == "libx264":
        how.setdefault("options", FAST)
    settings: dict[str, Any] = {"zoom": False, "size": (160, 120)} | how
    write_video(path, [(photos[colour], seconds) for colour, seconds in scenes], **settings)
    return path


def joined(path: Path, *pieces: Path) -> Path:
    """One file after the other, as `cat` joins them."""
    path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    return path


def with_subtitles(path: Path, source: Path, seconds: float) -> Path:
    """The same video with a subtitle that stays until then."""
    words = path.with_suffix(".srt")
    words.write_text(f"1\n00:00:00,000 --> 00:00:{seconds:06.3f}\nhello\n".replace(".", ","))
    with av.open(str(source)) as video, av.open(str(words)) as subtitle, av.open(str(path), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in video.streams}
        line = out.add_stream_from_template(subtitle.streams.subtitles[0])
        for packet in subtitle.demux():
            if packet.size:
                packet.stream = line
                out.mux(packet)
        for packet in video.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return path


def emptied(path: Path, source: Path, first: int) -> Path:
    """The same AVI in which nothing is left of the picture's packets from that one on: "as before", in this format."""
    data = source.read_bytes()
    movi = data.index(b"movi")
    place, number, chunks, index = movi + 4, 0, b"", b""
    while (kind := data[place : place + 4]) in {b"00dc", b"01wb"}:
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        content = data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
        if kind == b"00dc":
            content = content if number < first else b""
            number += 1
        index += kind + struct.pack("<3I", 0x10, 4 + len(chunks), len(content))  # 0x10: a key frame
        chunks += kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    body = data[12 : movi - 4] + struct.pack("<I", 4 + len(chunks)) + b"movi" + chunks
    body += b"idx1" + struct.pack("<I", len(index)) + index
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"AVI " + body)
    return path


def colour_of(jpeg: bytes) -> tuple[Guess, ...]:
    """Say which colour the middle of a picture has, and be sure of it."""
    with Image.open(io.BytesIO(jpeg)) as image:
        pixel = image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    return (Guess(nearest(pixel), 0.9), Guess("other", 0.05))  # type: ignore[arg-type]


def nearest(pixel: Sequence[float]) -> str:
    return min(COLOURS, key=lambda name: sum((a - int(b)) ** 2 for a, b in zip(COLOURS[name], pixel, strict=True)))


def turned(path: Path, degrees: int) -> None:
    """Write into an MP4's track header that players turn its picture, as phones do (ISO/IEC 14496-12, section 8.3.2)."""
    one, minus = 0x00010000, -0x00010000
    matrix = {
        90: (0, one, 0, minus, 0, 0, 0, 0, 0x40000000),  # clockwise, as a phone that is held upright writes it
        180: (minus, 0, 0, 0, minus, 0, 0, 0, 0x40000000),
        270: (0, minus, 0, one, 0, 0, 0, 0, 0x40000000),
    }[degrees]
    data = bytearray(path.read_bytes())
    identity = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 0x40000000)
    track = data.index(b"tkhd")  # the first track is the picture's
    place = data.index(identity, track)
    data[place : place + len(identity)] = struct.pack(">9i", *matrix)
    path.write_bytes(data)


def frames(path: Path) -> list[tuple[float, Any]]:
    """Each frame's time and its picture as RGB array, by decoding the file."""
    with av.open(str(path)) as container:
        return [(float(f.time), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


def packets(path: Path, stream: int = 0) -> list[tuple[Fraction, bytes]]:
    """Each packet of an audio stream: its time and its bytes."""
    with av.open(str(path)) as container:
        return [
            (Fraction(packet.pts or 0) * (packet.time_base or 0), bytes(packet))
            for packet in container.demux(container.streams.audio[stream])
            if packet.size
        ]
