"""Who may ask, and how often: optional API keys, several at once so that they can be rotated, and a rate for each."""

import hashlib
import hmac
import math
import time
from collections.abc import Iterable
from typing import Final

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from sightserve.backend.errors import AccessError, RateLimited, Unauthorized
from sightserve.backend.http.lifecycle import PROBES
from sightserve.backend.http.problems import answer, own_path

# Probes have no keys, and the documentation has no secrets.
_OPEN: Final = (*PROBES, "/docs", "/openapi.json", "/swagger/")
_BEARER: Final = b"bearer "


class AccessMiddleware:
    """Lets a request through that carries one of the keys, as `Authorization: Bearer KEY` or `X-API-Key: KEY`."""

    def __init__(self, app: ASGIApp, keys: Iterable[SecretStr], rate_limit: str | None) -> None:
        """Prepare the check.

        Args:
            app: what is protected.
            keys: any of which lets in. Only their hashes are kept, so that a dump of the memory does not tell them.
            rate_limit: such as "100/minute", counted for each key in a moving window; None: no limit.
        """
        self._app = app
        self._hashes = [_hash(key.get_secret_value().encode()) for key in keys]
        self._rate = _Rate(rate_limit) if rate_limit else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not own_path(scope).startswith(_OPEN):
            try:
                key = self._identify(scope["headers"])
                if self._rate is not None:
                    await self._rate.count(key.hex())
            except AccessError as exc:
                await answer(exc, scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _identify(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Return the hash of the key that the request carries."""
        given = dict(headers)
        # The header of its own first: a platform before us may ask for an ID token in the other.
        sent = given.get(b"x-api-key")
        bearer = given.get(b"authorization", b"")
        if sent is None and bearer[: len(_BEARER)].lower() == _BEARER:
            sent = bearer[len(_BEARER) :].strip()
        if sent is None:
            raise Unauthorized("send your API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'")
        hashed = _hash(sent)
        # Every key is compared, each in constant time: how long it takes tells nothing about how near a guess was.
        if not sum(hmac.compare_digest(hashed, known) for known in self._hashes):
            raise Unauthorized("this API key is not known here")
        return hashed


class _Rate:
    """Counts requests for each key in a moving window."""

    def __init__(self, rate: str) -> None:
        # imported here: most servers have no rate limit, and the import is a noticeable part of a cold start
        from limits import parse  # noqa: PLC0415
        from limits.aio.storage import MemoryStorage  # noqa: PLC0415
        from limits.aio.strategies import MovingWindowRateLimiter  # noqa: PLC0415

        self._rate = parse(rate)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def count(self, key: str) -> None:
        """Count one request; raise RateLimited when it is one too many."""
        if not await self._limiter.hit(self._rate, key):
            window = await self._limiter.get_window_stats(self._rate, key)
            wait = max(0.0, window.reset_time - time.time())
            raise RateLimited(f"more than {self._rate}: try again in {math.ceil(wait)} s", wait)


def _hash(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
