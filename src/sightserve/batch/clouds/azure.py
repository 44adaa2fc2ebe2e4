"""Azure Blob Storage through adlfs: its credentials; requests through the client of Azure that it holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import fsspec
from azure.core import exceptions
from fsspec.asyn import sync

from sightserve.batch.clouds import faults
from sightserve.batch.clouds.cloud import LONGEST, PAGE, Page, paged, span
from sightserve.batch.clouds.faults import Fault, TooLargeError
from sightserve.batch.clouds.patience import Patience
from sightserve.batch.photo import MOST_BYTES

_CODES: Final[dict[str, Fault]] = {
    "BlobNotFound": Fault.GONE,
    **dict.fromkeys(
        ("ContainerNotFound", "ContainerBeingDeleted", "ContainerDisabled", "InvalidResourceName"), Fault.NO_BUCKET
    ),
    **dict.fromkeys(
        ("AccountIsDisabled", "AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"),
        Fault.REFUSED,
    ),
    "PublicAccessNotPermitted": Fault.REFUSED,
}


@dataclass(frozen=True)
class Azure:
    """A container."""

    fs: Any
    container: str
    at: str
    shared = True

    def sorts(self) -> bool:
        """Not where the account has a hierarchical namespace: a folder's name is sorted there without its `/`."""
        return not sync(self.fs.loop, self._has_folders, timeout=LONGEST)

    async def _has_folders(self) -> bool:
        async with self.fs.service_client.get_container_client(self.container) as client:
            try:
                account = await client.get_account_information()
            except exceptions.HttpResponseError:  # not for everybody who may list
                return False
            return bool(account.get("is_hns_enabled"))

    def keys(self, prefix: str, after: str, *, deep: bool, patience: Patience, first: Patience) -> Iterator[str]:
        """Yield the keys that begin with a prefix."""

        def fetch(token: object | None) -> Page:
            page: Page = sync(self.fs.loop, self._page, prefix, token, PAGE, deep, timeout=LONGEST)
            return page

        return paged(fetch, self, patience, first)

    async def _page(self, prefix: str, token: object | None, most: int, deep: bool) -> Page:
        async with self.fs.service_client.get_container_client(self.container) as client:
            listing = client.list_blobs if deep else client.walk_blobs
            pages = listing(name_starts_with=prefix or None, results_per_page=most).by_page(token)
            async for page in pages:
                # folders: walk_blobs has them without a size
                keys = [blob.name async for blob in page if deep or blob.get("size") is not None]
                return Page(keys, pages.continuation_token or None)
        return Page([], None)

    def exists(self, key: str) -> bool:
        """Return whether there is an object of this key."""
        page = sync(self.fs.loop, self._page, key, None, 1, True, timeout=LONGEST)
        return key in page.keys

    def get(self, key: str, start: int, size: int | None) -> bytes:
        """Return an object's bytes, or some of them."""
        if not {".", ".."}.isdisjoint(
            key.split("/")
        ):  # its client asks for what that leads to, with a signature for this
            raise ValueError("Azure's client cannot ask for a blob with . or .. in its path")
        data: bytes = sync(self.fs.loop, self._get, key, start, size, timeout=LONGEST)
        return data

    async def _get(self, key: str, start: int, size: int | None) -> bytes:
        part = {}
        if start or size is not None:
            first, last = span(start, size)
            part = {"offset": first, "length": last - first + 1}
        async with self.fs.service_client.get_blob_client(self.container, key) as client:
            stream = await client.download_blob(max_concurrency=1, **part)
            if stream.size > MOST_BYTES:
                raise TooLargeError
            return bytes(await stream.readall())

    def put(self, key: str, data: bytes) -> None:
        """Put an object there with one request."""
        sync(self.fs.loop, self._put, key, data, timeout=LONGEST)

    async def _put(self, key: str, data: bytes) -> None:
        async with self.fs.service_client.get_blob_client(self.container, key) as client:
            await client.upload_blob(data, overwrite=True)

    def judge(self, error: BaseException) -> tuple[Fault, str]:
        """Return whose fault an error is, and what to say."""
        for link in faults.causes(error):
            words = (str(link).splitlines() or [type(link).__name__])[0][
                :500
            ]  # the lines below are of this one request
            if isinstance(link, exceptions.ClientAuthenticationError):
                return Fault.REFUSED, words
            if isinstance(link, exceptions.HttpResponseError) and link.status_code is not None:
                code = str(getattr(link, "error_code", None) or "")
                return _CODES.get(code) or faults.of_status(link.status_code or HTTPStatus.BAD_REQUEST), words
            if isinstance(link, exceptions.AzureError):  # nobody there, or cut off
                return Fault.BUSY, words
        return faults.judge(error)


def open_azure(container: str, at: str, account: str | None) -> Azure:
    """Return a container, with the credentials that the environment names; it is not asked yet.

    Raises:
        ValueError: it names none.
    """
    named = {"account_name": account} if account else {}
    return Azure(fsspec.filesystem("abfs", use_listings_cache=False, **named), container, at)
