"""S3 and what speaks like it (MinIO, R2, Ceph), through s3fs: its credentials, its endpoint, its connections."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import fsspec
from botocore import exceptions
from botocore.parsers import ResponseParserError
from fsspec.asyn import sync

from sightserve.batch.clouds import faults
from sightserve.batch.clouds.cloud import LONGEST, PAGE, Page, paged, span
from sightserve.batch.clouds.faults import Fault, TooLargeError
from sightserve.batch.clouds.patience import Patience
from sightserve.batch.photo import MOST_BYTES

_CONFIG: Final = {
    # `adaptive` paces what is asked, and costs a third more of this machine's time for it
    "retries": {"mode": "standard", "total_max_attempts": 4},
    "max_pool_connections": 64,
    "connect_timeout": 10,
    "read_timeout": 30,
}
_CHUNK: Final = 2**20
_CODES: Final[dict[str, Fault]] = {
    **dict.fromkeys(("NoSuchKey", "NoSuchVersion", "404"), Fault.GONE),
    **dict.fromkeys(("AccessDenied", "403"), Fault.DENIED),
    **dict.fromkeys(("NoSuchBucket", "InvalidBucketName"), Fault.NO_BUCKET),
    **dict.fromkeys(
        (
            "AccountProblem",
            "AllAccessDisabled",
            "AuthorizationHeaderMalformed",
            "ExpiredToken",
            "ExpiredTokenException",
            "IllegalLocationConstraintException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidPayer",
            "InvalidSecurity",
            "InvalidToken",
            "NotSignedUp",
            "PermanentRedirect",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "Unauthorized",
            "UnrecognizedClientException",
        ),
        Fault.REFUSED,
    ),
    **dict.fromkeys(
        ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"), Fault.BUSY
    ),
}
_NOBODY: Final = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
    exceptions.ProfileNotFound,
    exceptions.ConfigParseError,
)


@dataclass(frozen=True)
class S3:
    """A bucket, or an access point by its ARN."""

    fs: Any
    bucket: str
    at: str
    shared = True

    def sorts(self) -> bool:
        """Return whether it lists in the order of the keys' bytes."""
        return not self.bucket.endswith("--x-s3")  # a directory bucket's keys come as its parts have them

    def keys(self, prefix: str, after: str, *, deep: bool, patience: Patience, first: Patience) -> Iterator[str]:
        """Yield the keys that begin with a prefix."""
        begin: dict[str, Any] = {} if deep else {"Delimiter": "/"}
        if after and self.sorts():  # a directory bucket takes none
            begin["StartAfter"] = after

        def fetch(token: object | None) -> Page:
            where = begin if token is None else {**begin, "ContinuationToken": token}
            answer = self.fs.call_s3(
                "list_objects_v2", Bucket=self.bucket, Prefix=prefix, MaxKeys=PAGE, timeout=LONGEST, **where
            )
            following = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
            return Page([entry["Key"] for entry in answer.get("Contents", ())], following)

        return paged(fetch, self, patience, first)

    def exists(self, key: str) -> bool:
        """Return whether there is an object of this key."""
        answer = self.fs.call_s3("list_objects_v2", Bucket=self.bucket, Prefix=key, MaxKeys=1, timeout=LONGEST)
        return any(entry["Key"] == key for entry in answer.get("Contents", ()))

    def get(self, key: str, start: int, size: int | None) -> bytes:
        """Return an object's bytes, or some of them."""
        where = {"Bucket": self.bucket, "Key": key}
        if start or size is not None:
            where["Range"] = "bytes={}-{}".format(*span(start, size))
        data: bytes = sync(self.fs.loop, self._get, where, timeout=LONGEST)
        return data

    async def _get(self, where: dict[str, str]) -> bytes:
        # fsspec's calls as coroutines have an underscore before them. One for the head and the body: a hop between threads
        # less, and what is cut off in the middle raises here
        answer = await self.fs._call_s3("get_object", **where)
        body = answer["Body"]
        try:
            if (length := answer.get("ContentLength")) is not None:
                if length > MOST_BYTES:
                    raise TooLargeError
                data: bytes = await body.read()
                return data
            chunks, held = [], 0
            while chunk := await body.read(_CHUNK):
                chunks.append(chunk)
                held += len(chunk)
                if held > MOST_BYTES:
                    raise TooLargeError
            return b"".join(chunks)
        finally:
            body.close()

    def put(self, key: str, data: bytes) -> None:
        """Put an object there with one request."""
        self.fs.call_s3("put_object", Bucket=self.bucket, Key=key, Body=data, timeout=LONGEST)

    def judge(self, error: BaseException) -> tuple[Fault, str]:
        """Return whose fault an error is, and what to say."""
        for link in faults.causes(error):
            if isinstance(link, exceptions.ClientError):
                return _of_answer(link)
            if isinstance(link, _NOBODY):
                return Fault.REFUSED, faults.words_of(link)
            if isinstance(link, exceptions.ConnectionError | exceptions.HTTPClientError | ResponseParserError):
                return Fault.BUSY, faults.words_of(link)
            if isinstance(link, exceptions.ParamValidationError) and "bucket" in str(link).lower():
                return Fault.NO_BUCKET, faults.words_of(link)
        return faults.judge(error)


def open_s3(bucket: str, at: str) -> S3:
    """Return a bucket, with the credentials and the endpoint that the environment names; it is not asked yet."""
    config = {**_CONFIG, **fsspec.config.conf.get("s3", {}).get("config_kwargs", {})}
    fs = fsspec.filesystem("s3", use_listings_cache=False, config_kwargs=config)
    fs.retries = 1  # s3fs would try what botocore has tried, and we try it again
    return S3(fs, bucket, at)


def _of_answer(error: exceptions.ClientError) -> tuple[Fault, str]:
    said = error.response.get("Error", {})
    code, message = str(said.get("Code", "")), str(said.get("Message", ""))
    words = " ".join(f"{code}: {message}".split())[:500]
    if fault := _CODES.get(code):
        return fault, words
    if "Throttl" in code or "Throttl" in message:  # of a key that encrypts, too
        return Fault.BUSY, words
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", HTTPStatus.BAD_REQUEST)
    return faults.of_status(status), words
