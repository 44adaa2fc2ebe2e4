"""Data path: request body -> [uploaded images as bytes] -> decode.

A body is streamed, counted and refused as soon as it passes the limit. Nothing is written to disk, and a client's file name
is never a path: it is cut down to its last component and only ever echoed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from sightserve.backend.errors import (
    MalformedRequest,
    PayloadTooLarge,
    RequestTimeout,
    TooManyFiles,
    UnsupportedImageType,
)
from sightserve.backend.http.compression import decompressed

FILE_FIELDS = frozenset({"file", "image"})
MULTIPART = b"multipart/form-data"
# What tools send for bytes that they do not know; the bytes themselves decide anyway.
_OPAQUE = frozenset({b"", b"application/octet-stream", b"binary/octet-stream"})
_MAX_FILENAME = 255
_MAX_CONTENT_TYPE = 1024  # parsing 50 KB of quotes and semicolons takes 130 ms, and the event loop with it
_MOST_DIGITS = 19  # more than any file has, fewer than a 64-bit number may
_SPARE_PARTS = 16  # other form fields that a client may send beside its files


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file: its bytes, and its name for display."""

    data: bytes
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may cost.

    Attributes:
        max_bytes: counted over the whole body.
        idle_seconds: the longest time without a byte.
        total_seconds: the longest time from first to last byte.
        min_rate: bytes per second, on average from the first byte on, once `grace_seconds` have passed.
        grow: told the bytes so far at every chunk; raises when all bodies together are too many.
        abandoned: called when the sender hangs up in the middle.
    """

    max_bytes: int
    idle_seconds: float = 10.0
    total_seconds: float = 120.0
    min_rate: float = 240.0
    grace_seconds: float = 5.0
    grow: Callable[[int], None] = lambda _size: None
    abandoned: Callable[[], None] = lambda: None

    def due(self, began: float, now: float, received: int) -> float:
        """Return until when the next bytes have to come, on the clock of `began` and `now`.

        Whoever sent `received` bytes has paid for the time that these take at the minimum rate, and for the grace; and
        nobody pauses for longer than `idle_seconds`, or takes longer than `total_seconds` in all.
        """
        paid = began + max(self.grace_seconds, received / self.min_rate)
        return min(paid, now + self.idle_seconds, began + self.total_seconds)


async def read_one(request: Request, limits: BodyLimits, fields: frozenset[str] = FILE_FIELDS) -> Upload:
    """Return the only image in the request: one of these multipart fields, or the raw body.

    Raises:
        MalformedRequest: broken multipart, no file in it or several, an empty body, a client that hung up.
        PayloadTooLarge: more than `max_bytes`.
        RequestTimeout: slower than the limits allow.
        Overloaded: all bodies together are too many bytes.
        UnsupportedImageType: a body whose content type is neither multipart nor an image.
    """
    uploads = await read_many(request, limits, max_files=1, fields=fields)
    return uploads[0]


async def read_body(request: Request, limits: BodyLimits) -> bytes:
    """Return the whole body, of whatever type, as it was before its sender compressed it. Errors as in `read_one`."""
    _check_announced(request, limits)
    chunks: list[bytes] = []
    await _receive(request, limits, chunks.append)
    body = b"".join(chunks)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        return await decompressed(body, encoding, limits.max_bytes, limits.grow)
    return body


async def read_many(
    request: Request, limits: BodyLimits, *, max_files: int, fields: frozenset[str] = FILE_FIELDS
) -> list[Upload]:
    """Return every image in the request, in order; at least one. Errors as in `read_one`.

    Raises:
        TooManyFiles: more than `max_files`.
    """
    _check_announced(request, limits)
    content_type, boundary = content_type_of(request)
    receive = partial(_receive, request, limits)
    if content_type == MULTIPART:
        form = _Form(max_files, fields)
        await _read_multipart(receive, boundary, form)
        if not form.uploads:
            names = " or ".join(f"'{name}'" for name in sorted(form.fields))
            raise MalformedRequest(f"the form has no file: send the image in a field named {names}")
        return form.uploads
    if content_type in _OPAQUE or content_type.startswith(b"image/"):
        chunks: list[bytes] = []
        await receive(chunks.append)
        data = b"".join(chunks)
        if not data:
            raise MalformedRequest("the body is empty: send an image, or multipart/form-data with a field 'file'")
        return [Upload(data)]
    raise UnsupportedImageType(
        f"content type {content_type.decode('latin-1')!r} is neither multipart/form-data nor an image type"
    )


async def read_form(
    request: Request, limits: BodyLimits, *, file: str, max_text: int
) -> tuple[dict[str, str], Upload | None]:
    """Return the fields of a form, and the file that may be in one of them. Errors as in `read_one`.

    Args:
        request: whose body is multipart/form-data.
        limits: of the body.
        file: name of that field.
        max_text: bytes of all others together.
    """
    _check_announced(request, limits)
    form = _Form(1, frozenset({file}), max_text)
    await _read_multipart(partial(_receive, request, limits), content_type_of(request)[1], form)
    texts = {name: _text(bytes(value)) for name, value in form.texts.items()}
    return texts, form.uploads[0] if form.uploads else None


def content_type_of(request: Request) -> tuple[bytes, bytes]:
    """Return a request's content type, in lower case and without parameters, and the boundary of a multipart one."""
    named = request.headers.get("content-type", "")
    if len(named) > _MAX_CONTENT_TYPE:
        raise MalformedRequest(f"the content type is longer than {_MAX_CONTENT_TYPE:,} characters")
    content_type, options = parse_options_header(named)
    return content_type, options.get(b"boundary", b"")


async def _receive(request: Request, limits: BodyLimits, take: Callable[[bytes], object]) -> None:
    """Hand over the body's chunks as they come; the announced length is not trusted, and a slow sender is not waited for."""
    received = 0
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        async with asyncio.timeout_at(limits.due(began, began, 0)) as patience:
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    limits.abandoned()
                    raise MalformedRequest("the connection closed before the whole body had arrived")
                chunk = message.get("body", b"")
                received += len(chunk)
                if received > limits.max_bytes:
                    raise _too_large(limits.max_bytes)
                limits.grow(received)
                take(chunk)
                if not message.get("more_body", False):
                    return
                patience.reschedule(limits.due(began, clock(), received))
    except TimeoutError as exc:
        raise RequestTimeout("the body arrived too slowly, or not at all") from exc


def _check_announced(request: Request, limits: BodyLimits) -> None:
    # leading zeros are valid HTTP, and thousands of them a ValueError
    announced = request.headers.get("content-length", "").lstrip("0")
    if announced.isdecimal() and int(announced[:_MOST_DIGITS]) > limits.max_bytes:
        raise _too_large(limits.max_bytes)


def _too_large(max_bytes: int) -> PayloadTooLarge:
    mebibytes = f" ({max_bytes / 2**20:.0f} MiB)" if max_bytes >= 2**20 else ""
    return PayloadTooLarge(f"the upload is larger than {max_bytes:,} bytes{mebibytes}, the limit")


async def _read_multipart(
    receive: Callable[[Callable[[bytes], object]], Awaitable[None]], boundary: bytes, form: "_Form"
) -> None:
    if not boundary:
        raise MalformedRequest("multipart/form-data without a boundary")
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        await receive(parser.write)
    except FormParserError as exc:
        raise MalformedRequest("the multipart body is damaged") from exc
    if not form.complete:
        raise MalformedRequest("the multipart body ends in the middle")


@dataclass(slots=True)
class _Form:
    """Collects the files of one form from the parser's events; other fields are skipped where `max_text` is None."""

    max_files: int
    fields: frozenset[str]
    max_text: int | None = None
    uploads: list[Upload] = field(default_factory=list)
    texts: dict[str, bytearray] = field(default_factory=dict)
    complete: bool = False
    _parts: int = 0
    _header_name: bytearray = field(default_factory=bytearray)
    _header_value: bytearray = field(default_factory=bytearray)
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _filename: str | None = None
    _data: bytearray | None = None
    _text: bytearray | None = None

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": lambda data, start, end: self._header_name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header_value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > self.max_files + _SPARE_PARTS:
            raise MalformedRequest("the form has too many fields")
        self._headers = {}

    def _header_end(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._data = self._text = None
        name = _text(options.get(b"name", b""))
        if name in self.fields:
            if len(self.uploads) == self.max_files:
                raise self._too_many()
            self._data = bytearray()
            self._filename = display_name(_text(options[b"filename"])) if b"filename" in options else None
        elif self.max_text is not None:
            if name in self.texts:
                raise MalformedRequest("the form has a field twice")
            self._text = self.texts[name] = bytearray()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._data is not None:
            self._data += memoryview(data)[start:end]
        elif self._text is not None and self.max_text is not None:
            self._text += memoryview(data)[start:end]
            if sum(map(len, self.texts.values())) > self.max_text:
                raise PayloadTooLarge(f"the form's text has more than {self.max_text:,} bytes, the limit")

    def _part_end(self) -> None:
        if self._data is not None:
            self.uploads.append(Upload(bytes(self._data), self._filename))
            self._data = None

    def _end(self) -> None:
        self.complete = True

    def _too_many(self) -> Exception:
        if self.max_files == 1:
            return MalformedRequest("the form has several files: send one, or use /predict/batch")
        return TooManyFiles(f"the batch has more than {self.max_files} files, the limit")


def _text(raw: bytes) -> str:
    """Browsers and curl send UTF-8 in these headers, whatever the standards said."""
    return raw.decode("utf-8", errors="replace")


def display_name(filename: str) -> str | None:
    """Return a client's file name as it is safe to show: its last path component, printable, of bounded length."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in last if character.isprintable()).strip()
    return printable[:_MAX_FILENAME] or None
