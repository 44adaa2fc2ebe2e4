"""The web app's log: ours, Streamlit's and uvicorn's lines, and what anybody prints, as the backend writes its own.

Streamlit's options (`cli/ui.py`) turn its greeting and its coloured tracebacks off, and set its level. They cannot make JSON: a
format is a string, in which a quotation mark of the message would end it. So its loggers lose their handlers here.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

import streamlit.logger
from uvicorn.config import LOGGING_CONFIG

from sightserve.frontend.shared.settings import LogSettings
from sightserve.logs import lines
from sightserve.logs.relay import Relay

_QUIETER: Final = ("httpx2", "uvicorn.access")  # a line for each request, which the backend's log and ours have already
_LAST_WORDS: Final = 0.5  # seconds


@contextmanager
def to_stderr(wanted: LogSettings) -> Iterator[None]:
    """Write everything that this process has to say to stderr in one format, until the end."""
    as_json = lines.wants_json(wanted.format)
    with (
        _printed() if as_json else nullcontext() as descriptor,
        lines.to_stderr(as_json=as_json, level=wanted.level, descriptor=descriptor),
    ):
        if wanted.level == "debug":  # ours alone: Streamlit's and the websockets' names people's files,
            logging.getLogger().setLevel(logging.INFO)  # and nobody knows what the other libraries' may tell one day
            logging.getLogger("sightserve").setLevel(logging.DEBUG)
        for name in _QUIETER:
            logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger("uvicorn.error").addFilter(_is_no_handshake)
        streamlit.logger.setup_formatter = _to_root
        streamlit.logger.update_formatter()
        # What uvicorn would set up itself; in this form it leaves loggers and handlers as they are.
        LOGGING_CONFIG.clear()
        LOGGING_CONFIG.update(version=1, incremental=True, formatters={"default": {}, "access": {}})
        yield


def _is_no_handshake(record: logging.LogRecord) -> bool:
    """Leave out that a websocket was opened and closed: that is an access line, and here it comes with the query."""
    return record.levelno > logging.INFO or "websockets" not in record.pathname


def _to_root(logger: logging.Logger) -> None:
    """Stand for Streamlit's own, which gives each of its loggers a handler: the root logger's is enough."""
    logger.handlers.clear()
    logger.propagate = True


@contextmanager
def _printed() -> Iterator[int]:
    """Have what is printed on stdout and stderr, by our children's libraries too, become lines of the log.

    Yields the descriptor of the real stderr, which the lines go to.
    """
    relay, real = Relay("stderr"), [os.dup(1), os.dup(2)]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # nobody waits for the log: what finds no room is lost
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    os.close(writing)
    relay.follow(os.getpid(), reading)
    try:
        yield real[1]
    finally:
        for number, descriptor in enumerate(real, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
