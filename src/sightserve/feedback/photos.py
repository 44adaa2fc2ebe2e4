"""Photos that people gave -> [files outside the database, by fsspec] -> the same bytes."""

import secrets
from pathlib import Path
from typing import Any, Final

from sightserve.feedback.errors import NoDatabase
from sightserve.installing import more

_EXTRAS: Final = {"s3": "batch,s3", "s3a": "batch,s3", "gs": "batch,gcs", "gcs": "batch,gcs"}
_AZURE: Final = ("az", "abfs", "abfss")


class Photos:
    """A folder, or a part of a bucket; what its library raises passes through."""

    def __init__(self, url: str) -> None:
        """Look at an address; it is not asked yet, but a folder on this machine is made.

        Raises:
            NoDatabase: it is none, or what reaches it is not installed.
        """
        protocol, separator, rest = url.strip().partition("://")
        if not separator or not rest or "::" in url:
            raise NoDatabase(
                f"photos are kept at a URL such as file:///var/lib/photos or s3://bucket/photos, not {url!r}"
            )
        self._fs, path = _find(url.strip(), protocol)
        self._root = self._fs.unstrip_protocol(path).rstrip("/")
        if protocol == "file":
            try:
                Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as exc:
                raise NoDatabase(f"photos cannot be kept in {path}: {exc.strerror or exc}") from exc

    def new_place(self) -> str:
        """Return the URL of a photo that is not there yet."""
        return f"{self._root}/{secrets.token_hex(16)}.jpg"


def put(place: str, data: bytes) -> None:
    """Put a photo there; what is there already is replaced."""
    fs, path = _find(place, place.partition("://")[0])
    fs.pipe_file(path, data)


def read(place: str) -> bytes:
    """Return a photo."""
    fs, path = _find(place, place.partition("://")[0])
    data: bytes = fs.cat_file(path)
    return data


def remove(place: str) -> None:
    """Delete a photo; one that is not there is no error."""
    fs, path = _find(place, place.partition("://")[0])
    try:
        fs.rm_file(path)
    except FileNotFoundError:
        return


def _find(url: str, protocol: str) -> tuple[Any, str]:
    extra = "batch,azure" if protocol in _AZURE else _EXTRAS.get(protocol, "batch")
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - only who keeps photos outside the database needs it

        fs, path = url_to_fs(url, use_listings_cache=False) if protocol != "file" else url_to_fs(url)
    except ImportError as exc:
        raise NoDatabase(f"photos at {protocol}:// need the extra '{extra}'; {more(extra)}") from exc
    except ValueError as exc:
        raise NoDatabase(f"photos cannot be kept at {protocol}://: {exc}") from exc
    return fs, path
