"""What a store's library raised -> [whose fault it is] -> a row, another try, or the end of the job."""

import errno
from collections.abc import Iterator
from enum import Enum
from http import HTTPStatus
from typing import Final

_NETWORK: Final = frozenset(
    {
        errno.EBUSY,
        errno.EIO,
        errno.EPIPE,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENETRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ETIMEDOUT,
    }
)
_CLIENTS: Final = frozenset({"aiohttp", "requests", "urllib3", "paramiko", "httpx", "httpcore"})
_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class Fault(Enum):
    """Whose fault it is."""

    GONE = "there is no such object"
    DENIED = "this object is not for us"
    OTHER = "this request is not taken"
    NO_BUCKET = "there is no such bucket"
    REFUSED = "we are not let in"
    BUSY = "nobody there, or too busy: worth another try"


_STATUSES: Final[dict[int, Fault]] = {
    HTTPStatus.UNAUTHORIZED: Fault.REFUSED,
    HTTPStatus.FORBIDDEN: Fault.DENIED,
    HTTPStatus.NOT_FOUND: Fault.GONE,
    HTTPStatus.GONE: Fault.GONE,
}


class CloudError(Exception):
    """A request failed for good; the message says what the store said.

    Attributes:
        fault: whose it is.
    """

    def __init__(self, fault: Fault, words: str) -> None:
        super().__init__(words)
        self.fault = fault


class TooLargeError(Exception):
    """An object has more than `MOST_BYTES`."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from: libraries hide the store's words behind errors of the system."""
    link: BaseException | None = error
    for _ in range(10):
        if link is None:
            return
        yield link
        link = link.__cause__


def words_of(error: BaseException) -> str:
    """Return what an error says, on one line of bounded length; its kind where it says nothing."""
    return " ".join(str(error).split())[:500] or type(error).__name__


def of_status(status: int) -> Fault:
    """Return whose fault an answer of HTTP is, where the store says no more than its status."""
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Fault.BUSY
    return _STATUSES.get(status, Fault.OTHER)


def judge(error: BaseException) -> tuple[Fault, str]:
    """Return whose fault an error of any library is, and what to say."""
    # what was raised first knows best: fsspec says of an http:// that cannot be connected to that there is no such file
    for link in reversed(list(causes(error))):
        fault = _of_one(link)
        if fault is not Fault.OTHER:
            return fault, words_of(link)
    return Fault.OTHER, words_of(error)


def _of_one(error: BaseException) -> Fault:
    status = getattr(error, "status", None)  # aiohttp's
    if isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST:
        return of_status(status)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Fault.GONE
    if isinstance(error, PermissionError):
        return Fault.DENIED
    if (
        isinstance(error, TimeoutError | ConnectionError | EOFError)
        or type(error).__module__.partition(".")[0] in _CLIENTS
    ):
        return Fault.BUSY
    if isinstance(error, OSError) and (error.errno in _NETWORK or type(error).__name__ == "gaierror"):
        return Fault.BUSY
    return Fault.OTHER
