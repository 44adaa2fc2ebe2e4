"""What a job wants of a store, of whatever kind it is."""

import functools
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

from sightserve.batch.clouds.faults import Fault
from sightserve.batch.clouds.patience import Patience
from sightserve.batch.photo import MOST_BYTES

PAGE: Final = 1000  # keys asked for at once: S3 gives no more
LONGEST: Final = (
    600.0  # seconds that one request may take, however slowly its bytes come: MOST_BYTES at 0.4 MiB a second
)


class Page(NamedTuple):
    """Some keys, and what to ask for the next ones with; None after the last."""

    keys: list[str]
    following: object | None


class Cloud(Protocol):
    """One bucket, container or server. What its library raises passes through, except from `keys`; `judge` knows it.

    Attributes:
        at: what stands before a key in an address: `s3://bucket/`.
        shared: its keys are of one place: where that is away, no photo is at fault. Not so of `https://`.
    """

    @property
    def at(self) -> str:
        """See above."""

    @property
    def shared(self) -> bool:
        """See above."""

    def sorts(self) -> bool:
        """Return whether it lists in the order of the keys' bytes."""

    def keys(self, prefix: str, after: str, *, deep: bool, patience: Patience, first: Patience) -> Iterator[str]:
        """Yield the keys that begin with a prefix, as the store orders them, page by page.

        Args:
            prefix: of a folder, with its `/`, or empty.
            after: a key from which on they are wanted, or empty; it may come too, and others before it.
            deep: what is in folders below comes too.
            patience: with each page,
            first: but with the first.

        Raises:
            CloudError: a page cannot be had.
        """

    def exists(self, key: str) -> bool:
        """Return whether there is an object of this key, and not a folder."""

    def get(self, key: str, start: int, size: int | None) -> bytes:
        """Return an object's bytes from there on, so many of them or all.

        Raises:
            TooLargeError: they are more than `MOST_BYTES`; no more than that and one are ever held.
        """

    def put(self, key: str, data: bytes) -> None:
        """Put an object there: at once, or not at all."""

    def judge(self, error: BaseException) -> tuple[Fault, str]:
        """Return whose fault an error is, and what to say."""


def paged(fetch: Callable[[object | None], Page], cloud: Cloud, patience: Patience, first: Patience) -> Iterator[str]:
    """Yield the keys of one page after the other; each is asked for again while the store is busy."""
    page = first.ask(lambda: fetch(None), cloud.judge)
    yield from page.keys
    while page.following is not None:
        page = patience.ask(functools.partial(fetch, page.following), cloud.judge)
        yield from page.keys


def span(start: int, size: int | None) -> tuple[int, int]:
    """Return the first and the last byte to ask for: one more than may be is enough to know that there are too many."""
    return start, start + (MOST_BYTES + 1 if size is None else min(size, MOST_BYTES + 1)) - 1
