"""Google Cloud Storage through gcsfs: its credentials and its connections; requests of the JSON API."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import fsspec
from gcsfs.retry import HttpError
from google.auth.exceptions import GoogleAuthError, TransportError

from sightserve.batch.clouds import faults
from sightserve.batch.clouds.cloud import LONGEST, PAGE, Page, paged, span
from sightserve.batch.clouds.faults import Fault, TooLargeError
from sightserve.batch.clouds.patience import Patience
from sightserve.batch.photo import MOST_BYTES

_OBJECTS: Final = "b/{}/o"
_OBJECT: Final = "b/{}/o/{}"


@dataclass(frozen=True)
class GCS:
    """A bucket."""

    fs: Any
    bucket: str
    at: str
    shared = True

    def sorts(self) -> bool:
        """Return whether it lists in the order of the keys' bytes."""
        return True

    def keys(self, prefix: str, after: str, *, deep: bool, patience: Patience, first: Patience) -> Iterator[str]:
        """Yield the keys that begin with a prefix."""
        begin: dict[str, Any] = {"prefix": prefix, "maxResults": PAGE, "fields": "nextPageToken,items/name"}
        begin |= {} if deep else {"delimiter": "/"}
        begin |= {"startOffset": after} if after else {}

        def fetch(token: object | None) -> Page:
            where = begin if token is None else {**begin, "pageToken": token}
            answer = self.fs.call("GET", _OBJECTS, self.bucket, json_out=True, timeout=LONGEST, **where)
            return Page([item["name"] for item in answer.get("items", ())], answer.get("nextPageToken"))

        return paged(fetch, self, patience, first)

    def exists(self, key: str) -> bool:
        """Return whether there is an object of this key."""
        where = {"prefix": key, "maxResults": 1, "fields": "items/name"}
        answer = self.fs.call("GET", _OBJECTS, self.bucket, json_out=True, timeout=LONGEST, **where)
        return any(item["name"] == key for item in answer.get("items", ()))

    def get(self, key: str, start: int, size: int | None) -> bytes:
        """Return an object's bytes, or some of them."""
        part = {"Range": "bytes={}-{}".format(*span(start, size))}
        try:
            _, data = self.fs.call("GET", _OBJECT, self.bucket, key, alt="media", headers=part, timeout=LONGEST)
        except HttpError as exc:
            if exc.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or start:
                raise
            return b""  # an empty object has no first byte
        if len(data) > MOST_BYTES:
            raise TooLargeError
        return bytes(data)

    def put(self, key: str, data: bytes) -> None:
        """Put an object there with one request."""
        # not pipe_file: it asks first, over gRPC, of what type the bucket is
        upload = self.fs.base.replace("/storage/v1/", "/upload/storage/v1/") + _OBJECTS
        kind = {"Content-Type": "application/octet-stream"}
        self.fs.call(
            "POST", upload, self.bucket, uploadType="media", name=key, data=data, headers=kind, timeout=LONGEST
        )

    def judge(self, error: BaseException) -> tuple[Fault, str]:
        """Return whose fault an error is, and what to say."""
        for link in faults.causes(error):
            words = faults.words_of(link)
            if isinstance(link, HttpError):
                return faults.of_status(int(link.code or HTTPStatus.BAD_REQUEST)), words
            if isinstance(link, TransportError):
                return Fault.BUSY, words
            if isinstance(link, GoogleAuthError):
                return Fault.REFUSED, words
            if isinstance(link, OSError) and words.startswith("Forbidden: "):
                return Fault.DENIED, words
            if isinstance(link, ValueError) and "requester pays" in words:
                return Fault.REFUSED, words
        return faults.judge(error)


def open_gcs(bucket: str, at: str) -> GCS:
    """Return a bucket, with the credentials that the environment names; it is not asked yet."""
    return GCS(fsspec.filesystem("gs", use_listings_cache=False), bucket, at)
