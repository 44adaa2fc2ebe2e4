"""One policy for everything that asks a backend, from a photo to a video: what is temporary, how long to wait, when to give up.

A prediction may be asked for twice: it changes nothing; and feedback may be given twice: what was said last counts. So whatever
says "not now" is asked again, whoever says it: the backend with a problem of its own, or what stands before it (Cloud Run, an
ingress, a balancer) with a page of its own.
"""

import random
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from sightserve.api.errors import ErrorCode
from sightserve.client.errors import (
    ApiError,
    BackendTimeout,
    BackendUnreachable,
    ClientError,
    ConnectionBroken,
    GatewayError,
    InvalidAddress,
)

# Of the backend itself: busy, late, starting, stopping. Its 500 is a bug, which the same photo meets again.
BUSY: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
# Of what stands before it: Cloud Run says 500 where it has no instance to give, and others have numbers of their own.
GATEWAY: Final = BUSY | {HTTPStatus.INTERNAL_SERVER_ERROR, *range(520, 531)}


def is_temporary(error: ClientError) -> bool:
    """Return whether asking again may help."""
    if isinstance(error, ApiError):
        return error.status in BUSY
    if isinstance(error, GatewayError):
        return error.status in GATEWAY
    if isinstance(error, InvalidAddress):
        return False
    return isinstance(error, BackendUnreachable | BackendTimeout | ConnectionBroken)


def is_absent(error: ClientError) -> bool:
    """Return whether nobody works there yet: nothing listens, or the backend says that it is starting."""
    return isinstance(error, BackendUnreachable) or (isinstance(error, ApiError) and error.code == ErrorCode.NOT_READY)


@dataclass(frozen=True, slots=True)
class Retry:
    """How long somebody goes on asking.

    Attributes:
        patience: seconds of nothing but trouble after which the last error is raised; 0: everything is asked once.
        absence: seconds for which a backend is waited for that has not answered yet, and of which nothing is to be seen.
        first_pause: seconds before the second try where nobody says how long, doubled before each further one.
        longest_pause: seconds.
        spread: share by which such a pause is longer or shorter by chance, so that many do not come back together.
    """

    patience: float = 10.0
    absence: float = 1.0
    first_pause: float = 0.2
    longest_pause: float = 30.0
    spread: float = 0.2

    def pause(self, failures: int, error: ClientError) -> float:
        """Return the seconds to wait after so many failures (1, 2, ...) in a row, of which this is the last."""
        if isinstance(error, ApiError | GatewayError) and error.retry_after is not None:
            return max(error.retry_after, 0.05)
        wait = min(self.first_pause * 2.0 ** min(failures - 1, 20), self.longest_pause)
        return wait * random.uniform(1 - self.spread, 1 + self.spread)  # noqa: S311 - no secret

    def wait(self, failures: int, spent: float, error: ClientError) -> float | None:
        """Return the seconds to wait before one question is asked again, or None to give up.

        Args:
            failures: how often it was asked in vain.
            spent: seconds since it was asked first.
            error: how it ended last.
        """
        if not is_temporary(error):
            return None
        pause = self.pause(failures, error)
        return pause if spent + pause <= (self.absence if is_absent(error) else self.patience) else None


ONCE: Final = Retry(patience=0.0, absence=0.0)
FOR_A_PERSON: Final = Retry()  # who waits at a page, or at a program that has not said otherwise
FOR_WORK: Final = Retry(patience=120.0, absence=120.0)  # of minutes, which outlives a backend's restart
FOR_A_COMMAND: Final = Retry(patience=120.0, absence=3.0)  # the same, but its address may be mistyped
