"""Where a photo is in a zip -> [its bytes, unpacked, never more than a photo may have] -> reading."""

import struct
import zlib
from collections.abc import Callable
from typing import Final

from sightserve.batch.errors import Unreadable
from sightserve.batch.photo import MOST_BYTES

_HEADER: Final = struct.Struct("<4s5H3L2H")  # local file header (APPNOTE.TXT 6.3.10, section 4.3.7)
SIGNATURE: Final = b"PK\x03\x04"
_DESCRIPTOR: Final = b"PK\x07\x08"
_DESCRIPTOR_BYTES: Final = 8  # of it, all that is wanted: the signature, which may be missing, and the checksum
_AHEAD: Final = (
    68  # bytes that surely follow: at the least a directory entry (46, and the name) and the end record (22)
)
_STORED: Final = 0
_DEFLATED: Final = 8
_ENCRYPTED: Final = 1
_CHECKSUM_BEHIND: Final = 1 << 3


def unzip(read: Callable[[int, int], bytes], member: str, start: int, size: int) -> bytes:
    """Return a member's bytes.

    Args:
        read: returns so many bytes of the zip from there on.
        member: its name.
        start: of its local header.
        size: of it, packed.

    Raises:
        Unreadable: it is damaged, too large, encrypted, or packed in a way that is not read here.
    """
    # one request for header and bytes: over a network each costs more than what it brings
    chunk = read(start, _HEADER.size + size + _AHEAD + 2 * len(member))
    signature, _, flags, method, _, _, checksum, _, _, name_bytes, extra_bytes = _HEADER.unpack_from(chunk)
    if signature != SIGNATURE:
        raise Unreadable("unreadable_file", "It is damaged inside its zip: it is not where the zip's directory says.")
    if flags & _ENCRYPTED:
        raise Unreadable("unreadable_file", "It is locked with a password inside its zip: make the zip without one.")
    if method not in {_STORED, _DEFLATED}:
        raise Unreadable(
            "unreadable_file", f"It is packed in a way that is not read here (method {method}): make an ordinary zip."
        )
    begin = _HEADER.size + name_bytes + extra_bytes
    end = begin + size
    wanted = end + (_DESCRIPTOR_BYTES if flags & _CHECKSUM_BEHIND else 0)
    if len(chunk) < wanted:
        chunk = read(start, wanted)
    data = chunk[begin:end] if method == _STORED else _inflated(chunk[begin:end])
    if flags & _CHECKSUM_BEHIND:
        behind = chunk[end:wanted].removeprefix(_DESCRIPTOR)
        (checksum,) = struct.unpack_from("<L", behind)
    if zlib.crc32(data) != checksum:
        raise Unreadable("unreadable_file", "It is damaged inside its zip: its checksum is another.")
    return data


def _inflated(packed: bytes) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = stream.decompress(packed, MOST_BYTES + 1)
    except zlib.error as exc:
        raise Unreadable("unreadable_file", f"It is damaged inside its zip ({exc}).") from exc
    if len(data) > MOST_BYTES:
        raise Unreadable(
            "payload_too_large", f"It unpacks to more than {MOST_BYTES:,} bytes, the most that a photo may have."
        )
    if not stream.eof:
        raise Unreadable("unreadable_file", "It is damaged inside its zip: it ends in the middle.")
    return data
