"""Messages between a child process and ours, whole and in pieces, and what is none."""

import json
import socket
import struct

import pytest

from sightserve.sandbox import wire


def test_a_message_is_taken_once_it_is_whole_whatever_pieces_it_comes_in():
    whole = wire.message({"words": ["é" * 100]}, b"bytes")
    received = bytearray()

    for byte in whole[:-1]:
        received.append(byte)
        assert wire.take(received) is None
    received.append(whole[-1])

    assert wire.take(received) == ({"words": ["é" * 100]}, b"bytes")
    assert not received


def test_what_follows_a_message_stays_for_the_next_time():
    received = bytearray(wire.message({"number": 1}, b"one") + wire.message({"number": 2}))

    assert wire.take(received) == ({"number": 1}, b"one")
    assert wire.take(received) == ({"number": 2}, b"")
    assert wire.take(received) is None


@pytest.mark.parametrize(
    "nonsense",
    [
        struct.pack("!II", wire.MOST_BYTES, 1),
        struct.pack("!II", 2, 0) + b"[]",
        struct.pack("!II", 4, 0) + b"\x80\x04N.",  # a pickle
    ],
)
def test_what_is_no_message_is_refused_before_it_takes_memory(nonsense):
    with pytest.raises(ValueError):  # noqa: PT011 - json's and ours
        wire.take(bytearray(nonsense))


def test_a_message_is_received_whole_and_the_end_of_the_other_side_is_an_error():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire.message({"a": 1}) + b"and bytes")
        theirs.shutdown(socket.SHUT_WR)

        assert wire.receive(ours) == {"a": 1}
        assert wire.receive_bytes(ours, 9) == b"and bytes"
        with pytest.raises(EOFError):
            wire.receive(ours)


def test_bytes_that_nobody_expects_are_refused():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire.message({"a": 1}, b"x"))

        with pytest.raises(ValueError, match="attached"):
            wire.receive(ours)


def test_a_message_says_its_length_before_it():
    text = json.dumps({"a": 1}).encode()

    assert wire.message({"a": 1}, b"xyz") == struct.pack("!II", len(text), 3) + text + b"xyz"
