"""IN as somebody wrote it -> [what is there] -> the source of this kind."""

import os
import stat
from pathlib import Path

from sightserve.batch.errors import BatchError, StorageAway
from sightserve.batch.files import failure, local_path
from sightserve.batch.photo import is_url
from sightserve.batch.sources import Source
from sightserve.batch.sources.archives import Archives
from sightserve.batch.sources.folder import Folder
from sightserve.batch.sources.listing import Listing
from sightserve.batch.sources.names import ARCHIVES, LISTINGS, expand, has_braces, is_archive, is_listing
from sightserve.batch.sources.single import Single
from sightserve.imaging.formats import is_photo_name


def open_source(address: str, *, every_file: bool = False, base: str | None = None) -> Source:
    """Return the photos at an address: of a folder, archives, a listing, or a place that fsspec knows.

    Args:
        address: a path or a URL; several archives as a pattern, `data-{0000..0099}.tar`.
        every_file: take what is not called like a photo, too.
        base: what an earlier run found to be the folder of a listing's names.

    Raises:
        BatchError: there is nothing there, or nothing that photos are read from.
        StorageAway: it cannot be reached.
    """
    address = local_path(address)
    if is_url(address):
        return _elsewhere(address, every_file=every_file, base=base)
    if not address:
        raise BatchError("name a folder, an archive, or a listing of photos")
    if "\0" in address:
        raise BatchError("no file's name has a NUL character in it")
    address = os.path.abspath(address)  # noqa: PTH100 - links stay what they are called
    if has_braces(address) and not os.path.lexists(address):
        return _several(address, every_file=every_file)
    try:
        mode = Path(address).stat().st_mode
    except OSError as exc:
        raise _missing(address, exc) from exc
    if stat.S_ISDIR(mode):
        return Folder(address, every_file=every_file)
    if not stat.S_ISREG(mode):
        raise BatchError(f"{address} is neither a folder nor a file: a pipe, a socket or a device")
    if is_archive(address):
        return Archives(address, [address], every_file=every_file)
    if is_listing(address):
        return Listing(address, base=base)
    if every_file or is_photo_name(Path(address).name):
        return Single(address)
    raise BatchError(
        f"{address} is nothing that photos are read from: a folder, an archive ({', '.join(ARCHIVES)}), a listing "
        f"({', '.join(LISTINGS)}), or a photo"
    )


def _elsewhere(address: str, *, every_file: bool, base: str | None) -> Source:
    if has_braces(address) and is_archive(address):
        return Archives(address, list(expand(address)), every_file=every_file)
    if is_archive(address):
        return Archives(address, [address], every_file=every_file)
    if is_listing(address):
        return Listing(address, base=base)
    from sightserve.batch.sources.bucket import open_bucket  # noqa: PLC0415 - fsspec is there for those who need it

    return open_bucket(address, every_file=every_file)


def _several(pattern: str, *, every_file: bool) -> Source:
    if not is_archive(pattern):
        raise BatchError(f"{pattern}: a pattern names archives ({', '.join(ARCHIVES)})")
    paths = list(expand(pattern))
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing:
        raise BatchError(
            f"{pattern} stands for {len(paths):,} archives; {len(missing):,} are not there, as {missing[0]}"
        )
    return Archives(pattern, paths, every_file=every_file)


def _missing(address: str, exc: OSError) -> BatchError:
    known = failure(exc, address)
    if isinstance(known, StorageAway):
        return known
    if known.code != "file_not_found":
        return BatchError(f"{address} cannot be read: {exc.strerror}")
    path = Path(address)
    if path.is_symlink():
        return BatchError(f"{address} is a link that leads nowhere")
    while not path.parent.exists():
        path = path.parent
    return BatchError(f"{path} is not there ({path.parent} is)")
