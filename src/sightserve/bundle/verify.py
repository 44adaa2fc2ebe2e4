"""Before the data path: file -> [its bytes, if the manifest promises these]. Apart from the schema, for which no slot waits."""

import hashlib
from pathlib import Path

from sightserve.bundle.errors import BundleCorruptError, BundleNotFoundError

MANIFEST = "manifest.json"


def read(path: Path) -> bytes:
    """Return a file of a bundle.

    Raises:
        BundleNotFoundError: it is not there or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as exc:
        raise BundleNotFoundError(f"{path} is missing: a bundle needs {MANIFEST} and the files it names") from exc
    except OSError as exc:
        raise BundleNotFoundError(f"{path} cannot be read: {exc.strerror}") from exc


def read_verified(path: Path, sha256: str) -> bytes:
    """Return a file of a bundle whose bytes were compared with their checksum; errors as in `read`.

    Raises:
        BundleCorruptError: it is another file.
    """
    content = read(path)
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise BundleCorruptError(
            f"{path} is not the file that {MANIFEST} describes: expected sha256 {sha256}, found {actual}. "
            f"Copy the file again or, if it was changed on purpose, write the new sha256 into {MANIFEST}"
        )
    return content
