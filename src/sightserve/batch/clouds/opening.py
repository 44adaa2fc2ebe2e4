"""An address -> [which kind of store, which bucket of it] -> a `Cloud`, and the key there."""

import functools
import logging
import os
from typing import Final

from sightserve.batch.clouds.cloud import Cloud
from sightserve.batch.errors import BatchError
from sightserve.installing import more

_EXTRAS: Final = {
    **dict.fromkeys(("s3", "s3a"), ("s3fs", "s3")),
    **dict.fromkeys(("gs", "gcs"), ("gcsfs", "gcs")),
    **dict.fromkeys(("az", "abfs", "abfss"), ("adlfs", "azure")),
}


def locate(address: str) -> tuple[Cloud, str]:
    """Return the store of an address, and the key there, as it stands in it; nothing is asked yet.

    Raises:
        BatchError: it names no bucket, what its kind needs is not installed, or its settings are wrong.
    """
    protocol, _, rest = address.partition("://")
    protocol = protocol.lower()
    package, extra = _EXTRAS.get(protocol, ("fsspec", ""))
    try:
        if not extra:
            from sightserve.batch.clouds.elsewhere import open_elsewhere  # noqa: PLC0415

            return open_elsewhere(address)
        bucket, at, key, account = _split(address, rest)
        return _bucket(os.getpid(), extra, bucket, at, account), key
    except ImportError as exc:
        if extra or (exc.name or "").partition(".")[0] == "fsspec":
            extras = f"batch,{extra}" if extra else "batch"
            raise BatchError(f"{package} is missing, which {protocol}:// needs; {more(extras)}") from exc
        raise BatchError(f"{protocol}:// needs a Python package that is not installed: {exc}") from exc
    except ValueError as exc:
        raise BatchError(f"{address}: {exc}") from exc


def _split(address: str, rest: str) -> tuple[str, str, str, str]:
    """Return bucket, what stands before a key, key and Azure's account of what follows `://`; a key is taken as it stands."""
    bucket, _, key = rest.partition("/")
    account = ""
    if bucket.startswith("arn:"):  # an access point of S3: one `/` is its own
        point, _, key = key.partition("/")
        bucket = f"{bucket}/{point}"
    container, sign, host = bucket.partition("@")
    if sign:  # CONTAINER@ACCOUNT.dfs.core.windows.net
        account, bucket = host.partition(".")[0], container
    if not bucket:
        raise ValueError("no bucket is named there")
    return bucket, address.removesuffix(key).rstrip("/") + "/", key, account


# one client for all threads; its connections are no child's after a fork
@functools.lru_cache(maxsize=64)
def _bucket(_process: int, extra: str, bucket: str, at: str, account: str) -> Cloud:
    if extra == "s3":
        from sightserve.batch.clouds.s3 import open_s3  # noqa: PLC0415 - each needs a package that the others do not

        return open_s3(bucket, at)
    if extra == "gcs":
        from sightserve.batch.clouds.gcs import open_gcs  # noqa: PLC0415

        _quiet("gcsfs")
        return open_gcs(bucket, at)
    from sightserve.batch.clouds.azure import open_azure  # noqa: PLC0415

    _quiet("azure")
    return open_azure(bucket, at, account)


def _quiet(library: str) -> None:
    """Let no library print tracebacks of what becomes a row or a message, unless somebody has set logging up."""
    logging.getLogger(library).addHandler(logging.NullHandler())
