"""A file's name -> [what kind of IN it is] -> `open_source`, and a folder's walk."""

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from sightserve.batch.errors import BatchError

TARS: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")
ARCHIVES: Final = (".zip", *TARS)
LISTINGS: Final = (".txt", ".lst", ".csv", ".tsv", ".parquet")
_MOST_NAMES: Final = 1_000_000  # that a pattern may stand for
_MOST_DIGITS: Final = 20
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_RANGE: Final = re.compile(r"(\d+)\.\.(\d+)")


def _path(address: str) -> str:
    """Return what of an address has a suffix: links that are signed have more behind it."""
    return urlsplit(address).path if address.startswith(("http://", "https://")) else address


def is_archive(address: str) -> bool:
    """Return whether a file of this name is an archive that photos are read from."""
    return _path(address).lower().endswith(ARCHIVES)


def is_tar(address: str) -> bool:
    """Return whether a file of this name is a tar, compressed or not."""
    return _path(address).lower().endswith(TARS)


def is_compressed_tar(address: str) -> bool:
    """Return whether a file of this name is a tar that can only be read from its beginning."""
    return is_tar(address) and not _path(address).lower().endswith(".tar")


def is_listing(address: str) -> bool:
    """Return whether a file of this name is a list of photos."""
    return _path(address).lower().endswith(LISTINGS)


def has_braces(address: str) -> bool:
    """Return whether this is a pattern as webdataset writes it, like `data-{0000..0099}.tar`."""
    return _BRACES.search(address) is not None


def expand(pattern: str) -> Iterator[str]:
    """Yield the names that a pattern stands for, in its order: `{0000..0099}` counts with as many digits, `{a,b}` names each.

    Raises:
        BatchError: there is no end of them.
    """
    parts = _BRACES.split(pattern)  # text and what was in braces, by turns
    choices = [_choices(part) for part in parts[1::2]]
    if math.prod(len(each) for each in choices) > _MOST_NAMES:
        raise BatchError(f"{pattern} stands for more than {_MOST_NAMES:,} archives")
    for chosen in itertools.product(*choices):
        yield "".join(text + choice for text, choice in zip(parts[::2], (*chosen, ""), strict=True))


def _choices(inside: str) -> Sequence[str]:
    counted = _RANGE.fullmatch(inside)
    if counted is None:
        return inside.split(",")
    first, last = counted.groups()
    if max(len(first), len(last)) > _MOST_DIGITS:
        raise BatchError(f"{{{inside}}} counts too far")
    if int(last) - int(first) > _MOST_NAMES:
        raise BatchError(f"{{{inside}}} stands for more than {_MOST_NAMES:,} archives")
    if int(last) < int(first):
        raise BatchError(f"{{{inside}}} counts backwards: write {{{last}..{first}}}")
    width = len(first) if first.startswith("0") else 0
    return [str(number).zfill(width) for number in range(int(first), int(last) + 1)]
