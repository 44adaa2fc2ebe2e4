"""What slots write to stderr: relayed with their pid, left out when it becomes much, their last lines never."""

import logging
import os

import pytest

from sightserve.logs.relay import Relay


@pytest.fixture
def slot():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        yield reading, pipe


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sightserve.slot"]


def test_each_line_is_a_warning_with_the_slots_pid(caplog, slot):
    reading, pipe = slot
    relay = Relay("slot")
    pipe.write(b"before anybody listens\n")

    relay.follow(1234, reading)
    pipe.write(b"TIFFReadDirectory: oh\nwithout an end")
    pipe.close()
    relay.finish(10)

    assert messages(caplog) == [
        "slot 1234: before anybody listens",
        "slot 1234: TIFFReadDirectory: oh",
        "slot 1234: without an end",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert caplog.records[0].fields == {"pid": 1234}


def test_a_flood_is_left_out_and_counted_and_the_last_lines_are_not(caplog, slot):
    reading, pipe = slot
    now = [0.0]
    relay = Relay("slot", lambda: now[0])

    relay.follow(1, reading)
    for number in range(5000):
        pipe.write(b"noise %d\n" % number)
    pipe.write(b"Traceback\nValueError: why\n")
    pipe.close()
    relay.finish(10)

    told = messages(caplog)
    assert len(told) == 140
    assert told[-2:] == ["slot 1: Traceback", "slot 1: ValueError: why"]

    now[0] = 60.0
    reading, writing = os.pipe()
    os.write(writing, b"later\n")
    os.close(writing)
    relay.follow(2, reading)
    relay.finish(10)
    assert messages(caplog)[140:] == ["4902 lines were left out", "slot 2: later"]


def test_what_would_steer_a_terminal_is_spelled_out_and_an_endless_line_is_cut(caplog, slot):
    reading, pipe = slot
    relay = Relay("slot")

    relay.follow(1, reading)
    pipe.write(b"\x1b[2J \xff\r" + b"x" * 3000 + b"\n")
    pipe.close()
    relay.finish(10)

    told = messages(caplog)
    assert told[0].startswith("slot 1: \\x1b[2J \\xff\\rxxx")
    assert all(len(line) < 1100 for line in told)
    assert sum(line.count("x") for line in told) == 3000 + 2
