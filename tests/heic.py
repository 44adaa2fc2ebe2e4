"""Writes photos as phones do: a grid of tiles, a thumbnail, and a tag that says how to turn both (ISO/IEC 23008-12)."""

import io
import struct

import pillow_heif
from PIL import Image

TILE = 512


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def encoded(image: Image.Image, quality: int) -> tuple[bytes, bytes]:
    """Return (decoder configuration, coded picture) of one picture; taken out of a file that x265 wrote."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=quality, chroma=420)
    whole = buffer.getvalue()
    at = whole.index(b"hvcC") - 4
    configuration = whole[at : at + struct.unpack_from(">I", whole, at)[0]]
    at = whole.index(b"mdat") - 4
    return configuration, whole[at + 8 : at + struct.unpack_from(">I", whole, at)[0]]


def phone_photo(
    image: Image.Image,
    *,
    thumbnail: Image.Image | None = None,
    quarter_turns: int = 0,
    thumbnail_turns: int | None = None,
    profile: bytes | None = None,
    thumbnail_profile: bytes | None = None,
    quality: int = 60,
    tiles_are_thumbnails: bool = False,
) -> bytes:
    """Return a HEIC.

    Args:
        image: as the sensor has it; its sides are multiples of 512.
        thumbnail: stored beside it, as the sensor has it too.
        quarter_turns: anticlockwise, that make both upright.
        thumbnail_turns: of the thumbnail; as many when None.
        profile: ICC profile of the picture.
        thumbnail_profile: of the thumbnail; the same when None.
        quality: of the coded pictures.
        tiles_are_thumbnails: call every tile a thumbnail too.
    """
    columns, rows = image.width // TILE, image.height // TILE
    corners = [(column * TILE, row * TILE) for row in range(rows) for column in range(columns)]
    tiles = [encoded(image.crop((x, y, x + TILE, y + TILE)), quality) for x, y in corners]
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, image.width, image.height)
    # items: 1 is the grid, 2 the thumbnail, 10 and on the tiles
    coded = {1: (b"grid", grid)} | {10 + number: (b"hvc1", data) for number, (_, data) in enumerate(tiles)}
    properties = [
        full(b"ispe", struct.pack(">II", *image.size)), full(b"ispe", struct.pack(">II", TILE, TILE)), tiles[0][0],
        box(b"irot", bytes([quarter_turns])),
    ]  # fmt: skip
    of = {1: [1, 4]} | {item: [2, 3] for item in coded if item >= 10}
    if profile:
        properties.append(box(b"colr", b"prof", profile))
        of[1].append(len(properties))
    if thumbnail:
        configuration, data = encoded(thumbnail, quality)
        coded[2] = (b"hvc1", data)
        properties += [full(b"ispe", struct.pack(">II", *thumbnail.size)), configuration]
        of[2] = [len(properties) - 1, len(properties), *of[1][1:]]
        if thumbnail_turns is not None:
            properties.append(box(b"irot", bytes([thumbnail_turns])))
            of[2][2] = len(properties)
        if thumbnail_profile:
            properties.append(box(b"colr", b"prof", thumbnail_profile))
            of[2][3] = len(properties)
    tiles_of_grid = [item for item in coded if item >= 10]
    thumbnails = [item for item in (2, *(tiles_of_grid if tiles_are_thumbnails else [])) if item in coded]
    return _file(coded, properties, of, tiles_of_grid, thumbnails)


def _file(
    coded: dict[int, tuple[bytes, bytes]],
    properties: list[bytes],
    of: dict[int, list[int]],
    tiles: list[int],
    thumbnails: list[int],
) -> bytes:
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    references = box(b"dimg", struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *tiles))
    references += b"".join(box(b"thmb", struct.pack(">HHH", item, 1, 1)) for item in thumbnails)
    associations = b"".join(
        struct.pack(">HB", item, len(numbers)) + bytes(n | 0x80 for n in numbers) for item, numbers in of.items()
    )

    def meta(start: int) -> bytes:
        locations, at = b"", start
        for item, (_, data) in coded.items():
            locations += struct.pack(">HHHII", item, 0, 1, at, len(data))
            at += len(data)
        entries = b"".join(
            full(b"infe", struct.pack(">HH4sB", item, 0, kind, 0), version=2) for item, (kind, _) in coded.items()
        )
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(">H", 1)),
            full(b"iloc", bytes([0x44, 0]), struct.pack(">H", len(coded)), locations),
            full(b"iinf", struct.pack(">H", len(coded)), entries),
            full(b"iref", references),
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", struct.pack(">I", len(of)), associations)),
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *(data for _, data in coded.values()))
