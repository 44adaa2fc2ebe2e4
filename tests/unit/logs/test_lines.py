"""The log's way: never waited for, bounded in lines and in their length, and true about what is missing."""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sightserve.logs.lines import AccessLine, AccessLog, Console, Json
from sightserve.logs.log_queue import MOST_CHARACTERS, BoundedHandler, Listener, Writer


@contextmanager
def logging_to(
    descriptor: int, formatter: logging.Formatter | None = None, most: int = 1000
) -> Iterator[tuple[logging.Logger, BoundedHandler]]:
    handler = BoundedHandler(most)
    writer = Writer(descriptor, handler)
    writer.setFormatter(formatter or Json())
    listener = Listener(handler, writer)
    logger = logging.getLogger("sightserve.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    listener.start()
    try:
        yield logger, handler
    finally:
        listener.close()
        logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    yield path, descriptor
    os.close(descriptor)


def test_lines_are_written_in_order_and_the_end_writes_what_waits(file):
    path, descriptor = file

    with logging_to(descriptor) as (logger, _):
        for number in range(500):
            logger.info("line %d", number, extra={"fields": {"number": number}})

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["number"] for line in lines] == list(range(500))
    assert lines[7]["message"] == "line 7"
    assert lines[7]["severity"] == "INFO"


def test_nobody_who_logs_waits_for_a_pipe_that_nobody_reads_and_what_is_missing_is_told_later():
    reading, writing = os.pipe()
    try:
        with logging_to(writing, most=100) as (logger, handler):
            for number in range(3000):  # 65,536 bytes fit into the pipe, 100 records into the queue
                logger.info("line %d %s", number, "x" * 100)
                if number % 50 == 0:
                    time.sleep(0.001)  # the thread gets its turn, too
            missing = handler.missing
            assert missing > 1000
            assert handler.queue.qsize() <= 100

            read: list[bytes] = []
            reader = threading.Thread(target=lambda: read.extend(os.fdopen(reading, "rb", closefd=False)))
            reader.start()
            until(handler.queue.empty)
            logger.warning("last")
    finally:
        os.close(writing)
        reader.join(10)
        os.close(reading)

    lines = [json.loads(line) for line in read]
    assert sum(line.get("dropped", 0) for line in lines) == missing
    assert len(lines) == 3000 - missing + 1 + sum("dropped" in line for line in lines)
    assert lines[-1]["message"] == "last"


def test_the_end_does_not_wait_for_a_pipe_that_nobody_reads():
    reading, writing = os.pipe()
    try:
        with logging_to(writing, most=5000) as (logger, handler):
            for number in range(3000):
                logger.info("line %d %s", number, "x" * 100)
        assert handler.missing > 1000
    finally:
        os.close(writing)
        os.close(reading)


def test_a_write_that_fails_ends_nothing_and_the_log_goes_on_when_writing_works_again(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(fifo, os.O_WRONLY)
    with logging_to(writing) as (logger, handler):
        logger.warning("first")
        until(lambda: b"first" in os.read(reading, 65_536) if handler.queue.empty() else False)
        os.close(reading)  # now every write fails: broken pipe
        for _ in range(20):
            logger.warning("lost")
        until(lambda: handler.missing == 20)

        reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        logger.warning("again")
        until(handler.queue.empty)
    told = [json.loads(line) for line in os.read(reading, 65_536).splitlines()]
    os.close(reading)
    os.close(writing)

    assert [line.get("dropped", line["message"]) for line in told] == [20, "again"]
    assert told[0]["severity"] == "WARNING"
    assert told[0]["message"] == "20 log lines are missing here: they could not be written"


def test_a_full_disk_loses_lines_and_nothing_else():
    full = os.open("/dev/full", os.O_WRONLY)
    with logging_to(full) as (logger, handler):
        logger.warning("lost")
        until(lambda: handler.missing == 1)
        logger.warning("lost too")
        until(lambda: handler.missing == 2)
    os.close(full)


def test_a_record_that_makes_no_sense_is_counted_and_the_next_is_written(file):
    path, descriptor = file

    with logging_to(descriptor) as (logger, handler):
        logger.info("%d", "no number")
        logger.info("fine")

    assert handler.missing == 1
    assert '"fine"' in path.read_text()


def test_a_line_is_bounded_however_much_a_stranger_sends(file):
    path, descriptor = file

    with logging_to(descriptor) as (logger, _):
        logger.info("he said %r", "\U0001f600" * 30_000)
        logger.info("fields", extra={"fields": {"said": "\x00" * 30_000}})
        AccessLog().record(AccessLine(0, "GET", "/" + "\x01" * 60_000, 404, 0.1, "id", None))
        try:
            raise ValueError("y" * 100_000)
        except ValueError:
            logger.exception("it failed")

    lines = path.read_text().splitlines()
    assert len(lines) == 4
    assert all(len(line) < 12 * (MOST_CHARACTERS + 200) for line in lines)
    assert json.loads(lines[0])["message"].endswith(" more characters)")
    assert len(json.loads(lines[2])["path"]) == 512
    assert json.loads(lines[3])["exception"].endswith("yyy")


def test_an_exception_is_told_with_its_traceback(file):
    path, descriptor = file

    with logging_to(descriptor) as (logger, _):
        try:
            raise ValueError("why")
        except ValueError:
            logger.exception("it failed")

    line = json.loads(path.read_text())
    assert line["message"] == "it failed"
    assert line["severity"] == "ERROR"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: why")


LINE = AccessLine(1_700_000_000.0, "POST", "/predict", 200, 0.0123, "an-id", "4bf92f3577b34da6a3ce929d0e0e4736")


def test_a_request_is_a_line_with_the_fields_that_the_docs_name(file):
    path, descriptor = file

    with logging_to(descriptor, Json("my-project")):
        AccessLog().record(LINE)
        AccessLog().record(LINE._replace(status=500, trace=None))

    first, second = map(json.loads, path.read_text().splitlines())
    assert first == {
        "severity": "INFO",
        "message": "POST /predict 200",
        "timestamp": "2023-11-14T22:13:20.000+00:00",
        "logger": "sightserve.access",
        "method": "POST",
        "path": "/predict",
        "status": 200,
        "ms": 12.3,
        "request_id": "an-id",
        "trace_id": LINE.trace,
        "logging.googleapis.com/trace": f"projects/my-project/traces/{LINE.trace}",
    }
    assert second["severity"] == "ERROR"
    assert "trace_id" not in second


def test_a_trace_is_logged_on_every_platform(file):
    path, descriptor = file

    with logging_to(descriptor, Json(None)):
        AccessLog().record(LINE)

    line = json.loads(path.read_text())
    assert line["trace_id"] == LINE.trace
    assert "logging.googleapis.com/trace" not in line


def test_on_a_terminal_a_strangers_control_codes_do_nothing(file):
    path, descriptor = file

    with logging_to(descriptor, Console()):
        AccessLog().record(LINE._replace(path="/\x1b[2J\nforged"))

    assert path.read_text() == "2023-11-14T22:13:20.000+00:00 POST /\\x1b[2J\\nforged 200 12.3 ms an-id\n"
