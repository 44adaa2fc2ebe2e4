"""Logs: readable on a terminal, JSON where a machine collects them."""

import json
import logging
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from typing import NamedTuple

from sightserve.backend.settings import Settings


def configure(settings: Settings) -> None:
    """Send every record of the standard library's logging, uvicorn's included, to stderr in one format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Json() if _as_json(settings) else logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # Pillow explains every chunk of every PNG at debug level
    logging.getLogger("PIL").setLevel(logging.INFO)


class _Json(logging.Formatter):
    """One JSON object a line, with the names that Cloud Logging reads; `extra={"fields": {...}}` adds more."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "logger": record.name,
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _as_json(settings: Settings) -> bool:
    return settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())


class AccessLine(NamedTuple):
    """What the log says of one request: `at` in seconds since 1970, `seconds` that it took."""

    at: float
    method: str
    path: str
    status: int
    seconds: float
    request_id: str
    trace: str | None


class AccessLog:
    """One line for every request, written four times a second by a thread of its own.

    Writing each line at once would cost more than routing the request: a system call, and with it the interpreter's lock,
    which then belongs to a busy slot.
    """

    _INTERVAL = 0.25  # seconds that a line may wait

    def __init__(self, settings: Settings) -> None:
        """Start the thread; the format follows the settings."""
        self._as_json = _as_json(settings)
        self._project = settings.google_cloud_project
        self._waiting: deque[AccessLine] = deque()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        self._thread.start()

    def record(self, line: AccessLine) -> None:
        """Note one request; returns at once."""
        self._waiting.append(line)

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._end.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._end.wait(self._INTERVAL)
            lines = []
            while self._waiting:
                lines.append(self._format(self._waiting.popleft()))
            if lines:
                sys.stderr.write("".join(lines))
                sys.stderr.flush()

    def _format(self, line: AccessLine) -> str:
        timestamp = datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds")
        ms = round(line.seconds * 1000, 1)
        if not self._as_json:
            # repr without its quotes: a path may hold whatever a stranger typed, a terminal's control codes included
            return f"{timestamp} {line.method} {repr(line.path)[1:-1]} {line.status} {ms} ms {line.request_id}\n"
        fields: dict[str, object] = {
            "severity": "INFO" if line.status < 500 else "ERROR",  # noqa: PLR2004
            "message": f"{line.method} {line.path} {line.status}",
            "timestamp": timestamp,
            "logger": "sightserve.access",
            "method": line.method,
            "path": line.path,
            "status": line.status,
            "ms": ms,
            "request_id": line.request_id,
        }
        if line.trace and self._project:  # Cloud Logging shows the lines of one trace together
            fields["logging.googleapis.com/trace"] = f"projects/{self._project}/traces/{line.trace}"
        return json.dumps(fields) + "\n"
