"""The first bytes of a tar -> [how it is compressed, whatever it is called] -> one stream of what is in it."""

import bz2
import gzip
import importlib
import lzma
import zlib
from typing import BinaryIO, Final, cast

from sightserve.batch.sources.errors import DamagedArchive

_MAGIC: Final = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
MAGIC_BYTES: Final = max(len(magic) for magic, _ in _MAGIC)
# What the readers below say of a stream that is damaged or cut.
DAMAGED: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


def compression(head: bytes) -> str | None:
    """Return how a file that begins so is compressed, or None."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def unpacked(file: BinaryIO) -> BinaryIO:
    """Return what a file is unpacked, readable from its beginning on; the file itself if it is not compressed.

    Raises:
        DamagedArchive: it cannot be read, or is packed with zstd and this Python is older than 3.14.
    """
    try:
        head = file.read(MAGIC_BYTES)
        file.seek(0)
    except OSError as exc:
        raise DamagedArchive(f"it cannot be read ({exc.strerror or exc})") from exc
    match compression(head):
        case "gzip":
            return cast(BinaryIO, gzip.GzipFile(fileobj=file))
        case "bzip2":
            return cast(BinaryIO, bz2.BZ2File(file))
        case "xz":
            return cast(BinaryIO, lzma.LZMAFile(file))
        case "zstd":
            try:
                zstd = importlib.import_module("compression.zstd")
            except ImportError:
                raise DamagedArchive(
                    "it is packed with zstd, which Python unpacks from 3.14 on: unpack it (`zstd -d`), and name the .tar"
                ) from None
            return cast(BinaryIO, zstd.ZstdFile(file))
    return file
