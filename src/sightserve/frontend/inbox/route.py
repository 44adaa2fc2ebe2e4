"""The address that files come to, part by part: weighed before they are read, let in by a secret that only their page has."""

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sightserve.frontend.inbox.store import MOST_FILES, OutOfOrder, Pick, Superseded, of_ticket
from sightserve.frontend.shared.ledger import NoRoom, Place
from sightserve.frontend.shared.metrics import metrics
from sightserve.frontend.shared.photos import shown_path
from sightserve.frontend.shared.settings import MIB, settings

if TYPE_CHECKING:
    from starlette.requests import Request

PART: Final = 8 * MIB  # bytes of one request, at most
# Room is kept for a file from its first byte on: whoever sends nothing, or next to nothing, may not keep it for long.
_GRACE_SECONDS: Final = 30.0
_LEAST_RATE: Final = 8 * 1024  # bytes a second, on average; a phone at the edge of its network has some more
_WAIT_FOR_ROOM: Final = 10.0  # seconds that a request waits for those before it to be taken
_LOOK_EVERY: Final = 0.05
_log = logging.getLogger(__name__)
_FAR: Final = 2**53  # numbers that a browser counts exactly

_MOST: Final = {"photo": 100, "archive": 100, "video": 1, "try": 1}  # files of one pick
_ONE_BY_ONE: Final = frozenset({"batch"})
_ON_DISK: Final = frozenset({"video"})
PLACES: Final = frozenset({"photo", "archive"}) | _ONE_BY_ONE | _ON_DISK
_TO_TEACH: Final = re.compile(r"classes|class-[0-9]{1,3}")  # of the Teach page: on the disk
_TO_TRY: Final = "try"  # likewise, in memory


class _Refused(Exception):
    """A part is not taken; the answer says why."""

    def __init__(self, status: HTTPStatus, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.status, self.text, self.reason = status, text, reason


async def _put(request: "Request") -> Response:
    """Take in one part of one file.

    In the path: the ticket, the page's place, the pick's number, the file's index in it. In the query: `of` files there are in
    the pick, `name`, `size` in bytes, `offset` of this part, `width` and `height` of the picture where it was chosen;
    `unreadable` for a file that does not come.
    """
    try:
        await _take(request)
    except _Refused as refused:
        if refused.reason:
            metrics().refused.labels(refused.reason).inc()
        return PlainTextResponse(refused.text, status_code=refused.status)
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # to nobody
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _take(request: "Request") -> None:
    path, query = request.path_params, request.query_params
    inbox, place, index = of_ticket(path["ticket"]), path["place"], path["index"]
    if inbox is None or not _is_open(place):
        raise _Refused(HTTPStatus.NOT_FOUND, "This page has ended. Load it again.")
    try:
        count, size, offset = (
            _number(query, "of", _MOST.get(place, MOST_FILES)),
            _number(query, "size"),
            _number(query, "offset"),
        )
        shape = _number(query, "width"), _number(query, "height")
        length = int(request.headers.get("content-length", ""))
    except ValueError:
        raise _Refused(HTTPStatus.BAD_REQUEST, "A part needs its place and its length.", "no_length") from None
    if size > most_bytes(place) or length > PART:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This file is too large.", "too_large")
    where = Place.DISK if place in _ON_DISK or _TO_TEACH.fullmatch(place) else Place.MEMORY
    try:
        pick = inbox.coming(place, Pick(path["pick"], count, where, one_by_one=place in _ONE_BY_ONE))
        if "unreadable" in query:
            pick.cannot_be_read(index)
            return
        await _wait_for_room(pick)
        file = pick.begin(index, shown_path(query.get("name", "")), size, offset + length, inbox.mine, shape)
        try:
            pick.add(file, offset, await _body(request, length))
        finally:
            pick.settle(file)
    except NoRoom as none:
        if where is Place.DISK and place not in _ON_DISK:  # what is there stays: waiting does not help
            raise _Refused(HTTPStatus.INSUFFICIENT_STORAGE, "There is no room for more photos.") from None
        later = none.ever or place in _ONE_BY_ONE  # those before it are let go as they are answered
        status = HTTPStatus.SERVICE_UNAVAILABLE if later else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        raise _Refused(status, "The app has no room for this file.") from None
    except Superseded:
        raise _Refused(HTTPStatus.GONE, "Something else was chosen.") from None
    except OutOfOrder as gap:
        raise _Refused(HTTPStatus.CONFLICT, str(gap.expected)) from None
    except TimeoutError:
        raise _Refused(HTTPStatus.REQUEST_TIMEOUT, "This file came too slowly.", "too_slow") from None
    except OSError as error:
        _log.warning("no room for a file: %s", error)
        raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The app has no room for this file.", "disk") from None


def most_bytes(place: str) -> int:
    """Return the most bytes of one file in this place."""
    here = settings()
    of_its_own = {"video": here.max_video_mb, "archive": here.session_upload_mb, "classes": here.total_video_mb // 4}
    return of_its_own.get(place, here.max_upload_mb) * MIB


def _is_open(place: str) -> bool:
    teaches = place == _TO_TRY or _TO_TEACH.fullmatch(place) is not None
    return settings().teach if teaches else place in PLACES


async def _wait_for_room(pick: Pick) -> None:
    """Wait until one more may come."""
    until = time.monotonic() + _WAIT_FOR_ROOM
    while not pick.has_room:
        if time.monotonic() > until:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Others come first.")
        await asyncio.sleep(_LOOK_EVERY)


async def _body(request: "Request", length: int) -> bytes:
    """Return the body. Raises TimeoutError, ClientDisconnect."""
    began, chunks, received = asyncio.get_running_loop().time(), [], 0
    stream = request.stream()
    while received < length:
        async with asyncio.timeout_at(began + _GRACE_SECONDS + received / _LEAST_RATE):
            chunk = await anext(stream, b"")
        if not chunk:
            raise ClientDisconnect
        chunks.append(chunk)
        received += len(chunk)
    return b"".join(chunks)


def _number(query: Mapping[str, str], name: str, most: int = _FAR) -> int:
    text = query.get(name, "0")
    if not (text.isascii() and text.isdecimal()) or int(text) > most:
        raise ValueError(name)
    return int(text)


# Below any path: a proxy may have the app below one, and strip it or not. What lets in is the ticket.
ROUTE: Final = Route("/{below:path}inbox/{ticket}/{place}/{pick:int}/{index:int}", _put, methods=["PUT"], name="inbox")
