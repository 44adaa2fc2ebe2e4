import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from bench.openloop import Generator, parse

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"


@pytest.mark.parametrize(
    ("answer", "ended", "expected"),
    [
        (b"", False, (0, False, False)),
        (b"HTTP/1.1 200 OK\r\nContent-Le", False, (0, False, False)),
        (OK, False, (200, True, True)),
        (OK[:-1], False, (200, False, True)),
        (REFUSED, False, (503, True, False)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", False, (200, False, True)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", False, (200, True, True)),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil it ends", False, (200, False, False)),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil it ends", True, (200, True, False)),
    ],
)
def test_an_answer_is_complete_when_http_says_so(answer, ended, expected):
    assert parse(bytearray(answer), ended=ended) == expected


@contextmanager
def _server(serve: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[int]]]:
    """Listen; each connection is served by `serve` in a thread, and then closed. Gives the port and who connected."""
    accepted: list[int] = []
    threads = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def one(connection: socket.socket) -> None:
            with connection:
                serve(connection)

        def accept() -> None:
            while True:
                try:
                    connection, address = listener.accept()
                except OSError:
                    return
                accepted.append(address[1])
                threads.append(threading.Thread(target=one, args=(connection,)))
                threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        yield listener.getsockname()[1], accepted
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()
    for thread in threads:
        thread.join()


def _keep_answering(connection: socket.socket) -> None:
    while connection.recv(len(REQUEST), socket.MSG_WAITALL):
        connection.sendall(OK)


def test_one_connection_carries_requests_that_do_not_overlap():
    with _server(_keep_answering) as (port, accepted):
        outcomes = Generator(port, [REQUEST], [0.0, 0.1, 0.2], patience=5).run()

    assert [o.status for o in outcomes] == [200, 200, 200]
    assert [o.intended for o in outcomes] == [0.0, 0.1, 0.2]
    assert all(o.intended <= o.sent <= o.done for o in outcomes)
    assert len(accepted) == 1


def test_a_refusal_that_closes_the_connection_is_counted_and_not_reused():
    def refuse(connection: socket.socket) -> None:
        connection.recv(len(REQUEST), socket.MSG_WAITALL)
        connection.sendall(REFUSED)

    with _server(refuse) as (port, accepted):
        outcomes = Generator(port, [REQUEST], [0.0, 0.1], patience=5).run()

    assert [o.status for o in outcomes] == [503, 503]
    assert len(accepted) == 2


def test_a_server_that_never_answers_is_given_up():
    def wait(connection: socket.socket) -> None:
        while connection.recv(1024):
            pass

    with _server(wait) as (port, _):
        (outcome,) = Generator(port, [REQUEST], [0.0], patience=0.2).run()

    assert outcome.status == 0
    assert outcome.done >= 0.2


def test_a_connection_that_breaks_is_an_outcome_and_no_crash():
    with _server(lambda connection: None) as (port, _):
        (outcome,) = Generator(port, [REQUEST], [0.0], patience=5).run()

    assert outcome.status == 0
