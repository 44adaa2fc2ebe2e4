"""Logs: readable on a terminal, JSON where a machine collects them. How a line is written: `log_queue`."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sightserve.logs.log_queue import BoundedHandler, Listener, Writer, bounded

_ACCESS: Final = "sightserve.access"
_MOST_OF_A_PATH: Final = 512  # characters


def wants_json(log_format: str) -> bool:
    """Return whether lines are JSON: `json` and `console` say so, `auto` looks whether stderr is a terminal."""
    return log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())


@contextmanager
def to_stderr(
    *, as_json: bool, level: str, project: str | None = None, descriptor: int | None = None
) -> Iterator[None]:
    """Send every record of the standard library's logging, uvicorn's included, to stderr in one format, until the end.

    Args:
        as_json: for machines; else for people.
        level: `debug`, `info`, `warning` or `error`.
        project: of Google Cloud, whose console then shows the lines of one trace together.
        descriptor: where to; stderr's where it is None.
    """
    handler = BoundedHandler()
    writer = Writer(sys.stderr.fileno() if descriptor is None else descriptor, handler)
    writer.setFormatter(Json(project) if as_json else Console())
    listener = Listener(handler, writer)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)  # they would be written to stderr by whoever warns, and that may be the event loop
    # Pillow explains every chunk of every PNG at debug level
    logging.getLogger("PIL").setLevel(logging.INFO)
    # No line says these, and finding them out is a third of what a record costs.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    listener.start()
    try:
        yield
    finally:
        listener.close()


def dropped() -> int:
    """Return how many lines the log of this process lacks."""
    # The one handler that `to_stderr` set, where it did: the root logger is the process's, like stderr.
    return sum(handler.missing for handler in logging.getLogger().handlers if isinstance(handler, BoundedHandler))


class AccessLine(NamedTuple):
    """What the log says of one request: `at` in seconds since 1970, `seconds` that it took, bytes of the bodies."""

    at: float
    method: str
    path: str
    status: int
    seconds: float
    request_id: str | None = None
    trace: str | None = None
    received: int | None = None
    sent: int | None = None


class AccessLog:
    """One line for every request. What it costs the event loop is a record in the queue."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(_ACCESS)

    def record(self, line: AccessLine, least: int = logging.INFO) -> None:
        """Note one request, at this level where nothing is wrong; returns at once."""
        level = least if line.status < 500 else logging.ERROR  # noqa: PLR2004
        if not self._logger.isEnabledFor(level):
            return
        record = logging.LogRecord(_ACCESS, level, "", 0, "", None, None)
        record.access = line
        self._logger.handle(record)


class Json(logging.Formatter):
    """One JSON object a line, with the names that Cloud Logging reads; `extra={"fields": {...}}` adds more."""

    def __init__(self, project: str | None = None) -> None:
        """Set up; with a Google Cloud project its console shows the lines of one trace together."""
        super().__init__()
        self._project = project

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        access: AccessLine | None = getattr(record, "access", None)
        created = record.created if access is None else access.at
        fields = getattr(record, "fields", {}) if access is None else self._fields(access)
        line: dict[str, object] = {
            "severity": record.levelname,
            "message": record.getMessage()
            if access is None
            else f"{fields['method']} {fields['path']} {access.status}",
            "timestamp": datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds"),
            "logger": record.name,
        }
        for name, value in fields.items():
            line[name] = bounded(value) if isinstance(value, str) else value
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, default=str)

    def _fields(self, line: AccessLine) -> dict[str, object]:
        fields: dict[str, object] = {
            "method": line.method,
            "path": line.path[:_MOST_OF_A_PATH],
            "status": line.status,
            "ms": round(line.seconds * 1000, 1),
        }
        more = {"request_id": line.request_id, "bytes_received": line.received, "bytes_sent": line.sent}
        fields |= {name: value for name, value in more.items() if value is not None}
        if line.trace:
            fields["trace_id"] = line.trace
            if self._project:
                fields["logging.googleapis.com/trace"] = f"projects/{self._project}/traces/{line.trace}"
        return fields


class Console(logging.Formatter):
    """For people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: AccessLine | None = getattr(record, "access", None)
        if line is None:
            return super().format(record)
        timestamp = datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds")
        # repr without its quotes: a path may hold whatever a stranger typed, a terminal's control codes included
        path = repr(line.path[:_MOST_OF_A_PATH])[1:-1]
        end = f" {line.request_id}" if line.request_id else ""
        return f"{timestamp} {line.method} {path} {line.status} {line.seconds * 1000:.1f} ms{end}"
