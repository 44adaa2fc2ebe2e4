"""Files as they come in over HTTP: in parts, weighed before they are read, let in by a ticket; against a real server."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette

from sightserve.frontend.inbox import route, store, widget
from sightserve.frontend.inbox.store import Inbox
from sightserve.frontend.shared import ledger as ledgers
from sightserve.frontend.shared.ledger import Account, Budget, Ledger, Place
from sightserve.frontend.shared.metrics import Metrics
from sightserve.frontend.shared.settings import UiSettings

MIB = 2**20


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = uvicorn.Server(uvicorn.Config(Starlette(routes=[route.ROUTE]), log_level="warning"))
        thread = threading.Thread(target=app.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        app.should_exit = True
        thread.join(10)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], float | None]:
    fresh = Metrics()
    for module in (route, ledgers):
        monkeypatch.setattr(module, "metrics", lambda: fresh)
    return lambda reason: fresh.registry.get_sample_value("sightserve_ui_refused_total", {"reason": reason})


@pytest.fixture
def book() -> Ledger:
    """Ten mebibytes of memory for a session and twenty for all, forty on the disk."""
    return Ledger({Place.MEMORY: Budget(20 * MIB, 10 * MIB), Place.DISK: Budget(40 * MIB, 40 * MIB)})


@pytest.fixture
def inbox(book: Ledger) -> Iterator[Inbox]:
    made = Inbox(Account(book, "me"))
    yield made
    made.close()


@pytest.fixture
def put(server: str, inbox: Inbox) -> Callable[..., httpx2.Response]:
    def send(
        place: str = "photo",
        pick: int = 1,
        index: int = 0,
        body: bytes = b"",
        *,
        of: int = 1,
        name: str = "a.jpg",
        size: int | None = None,
        offset: int = 0,
        ticket: str | None = None,
        **more: int | str,
    ) -> httpx2.Response:
        query: dict[str, int | str] = {
            "of": of,
            "name": name,
            "size": len(body) if size is None else size,
            "offset": offset,
            **more,
        }
        url = f"{server}/inbox/{ticket or inbox.ticket}/{place}/{pick}/{index}"
        return httpx2.put(url, params=query, content=body, timeout=30)

    return send


def test_files_come_in_parts_and_are_whole_when_all_are_here(put, inbox, book):
    first, second = bytes(3 * MIB), b"x" * MIB

    assert put(body=first, of=2, size=4 * MIB, width=4032, height=3024).status_code == 204
    assert not inbox.pick("photo").is_whole
    assert inbox.pick("photo").files() == []
    assert put(body=second, of=2, size=4 * MIB, offset=3 * MIB).status_code == 204
    assert put(index=1, body=b"small", of=2, name="day1/../b.jpg").status_code == 204

    pick = inbox.pick("photo")
    assert pick.is_whole
    assert [(file.name, file.data) for file in pick.files()] == [("a.jpg", first + second), ("day1/b.jpg", b"small")]
    assert (pick.files()[0].width, pick.files()[0].height) == (4032, 3024)
    assert book.held(Place.MEMORY) == {"me": 4 * MIB + 5}


def test_a_part_that_comes_twice_does_no_harm_and_one_that_does_not_follow_is_told_where_to_begin(put, inbox):
    put(body=b"one", size=6)

    assert put(body=b"one", size=6).status_code == 204
    gap = put(body=b"!", size=6, offset=5)
    assert (gap.status_code, gap.text) == (409, "3")
    assert put(body=b"two", size=6, offset=3).status_code == 204
    assert inbox.pick("photo").files()[0].data == b"onetwo"


def test_a_newer_choice_takes_the_place_of_an_older_one_which_is_let_go(put, inbox, book):
    put(pick=1, body=bytes(MIB))

    assert put(pick=2, body=b"new").status_code == 204

    assert inbox.pick("photo").number == 2
    assert book.held(Place.MEMORY) == {"me": 3}
    assert put(pick=1, index=0, body=b"late").status_code == 410


@pytest.mark.parametrize("ticket", ["", "a-strangers", "../photo"])
def test_without_a_ticket_nothing_comes_in(put, ticket):
    assert put(ticket=ticket or "none", body=b"x").status_code == 404


def test_a_session_that_has_ended_lets_nothing_in_and_holds_nothing(put, inbox, book):
    put(body=bytes(MIB))

    inbox.close()

    assert put(body=b"x", index=1, of=2).status_code == 404
    assert book.held(Place.MEMORY) == {}


def test_a_file_is_weighed_before_it_is_read(put, book, counts, monkeypatch):
    monkeypatch.setattr(route, "settings", lambda: UiSettings(max_upload_mb=30))

    assert put(body=b"x", size=31 * MIB).status_code == 413
    assert counts("too_large") == 1
    assert put(body=b"x", size=11 * MIB).status_code == 413  # more than this session's share
    assert counts("memory_share") == 1
    others = book.book("others", 15 * MIB)
    assert put(body=b"x", size=3 * MIB).status_code == 503  # what others leave is halved
    assert (counts("memory_full"), others.size) == (1, 15 * MIB)


@pytest.mark.parametrize("query", [{"size": "-1"}, {"offset": "x"}, {"of": "99999999"}, {"width": "1e9"}])
def test_numbers_that_are_none_are_a_mistake_of_the_sender(put, counts, query):
    assert put(body=b"x", **query).status_code == 400


def test_who_announces_much_and_sends_little_holds_little(put, book, server, inbox):
    put(body=b"x", size=9 * MIB)
    assert book.held(Place.MEMORY) == {"me": 1}

    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:  # hangs up in the middle of a part
        path = f"/inbox/{inbox.ticket}/photo/1/0?of=1&size={9 * MIB}&offset=1"
        line.sendall(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {MIB}\r\n\r\n".encode() + bytes(1000))
        until(lambda: book.held(Place.MEMORY) == {"me": MIB + 1})
    until(lambda: book.held(Place.MEMORY) == {"me": 1})


def test_a_part_that_hardly_comes_gives_its_room_back(book, counts, server, inbox, monkeypatch):
    monkeypatch.setattr(route, "_GRACE_SECONDS", 0.2)
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        path = f"/inbox/{inbox.ticket}/photo/1/0?of=1&size=1000&offset=0"
        line.sendall(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode() + bytes(10))
        assert line.recv(100).startswith(b"HTTP/1.1 408")
    assert book.held(Place.MEMORY) == {}
    assert counts("too_slow") == 1


def test_a_slow_part_that_goes_on_is_waited_for(server, inbox, monkeypatch):
    """Ten kibibytes a second: in all longer than any grace."""
    monkeypatch.setattr(route, "_GRACE_SECONDS", 0.2)
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        path = f"/inbox/{inbox.ticket}/photo/1/0?of=1&size=8192&offset=0"
        line.sendall(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 8192\r\n\r\n".encode())
        for _ in range(8):
            time.sleep(0.1)
            line.sendall(bytes(1024))
        assert line.recv(100).startswith(b"HTTP/1.1 204")


def test_photos_that_are_taken_one_by_one_come_as_fast_as_they_are_taken(put, inbox, book, monkeypatch):
    monkeypatch.setattr(store, "_AHEAD", 2 * MIB)
    monkeypatch.setattr(route, "_WAIT_FOR_ROOM", 0.3)
    for index in range(2):
        assert put("batch", index=index, body=bytes(MIB), of=3).status_code == 204

    assert put("batch", index=2, body=bytes(MIB), of=3).status_code == 503

    pick = inbox.pick("batch")
    assert pick.take(0, 0.1).size == MIB
    assert put("batch", index=2, body=bytes(MIB), of=3).status_code == 204
    pick.let_go(0)
    assert book.held(Place.MEMORY) == {"me": 2 * MIB}


def test_who_waits_for_a_photo_gets_it_when_it_comes_or_is_told_that_it_will_not(put, inbox):
    put("batch", index=0, body=b"first", of=3)
    pick = inbox.pick("batch")
    threading.Timer(0.2, lambda: put("batch", index=1, body=b"second", of=3)).start()

    assert pick.take(1, 5).data == b"second"
    assert pick.take(2, 0.05) is None
    put("batch", index=2, of=3, unreadable=1)
    with pytest.raises(FileNotFoundError):
        pick.take(2, 1)
    threading.Timer(0.2, inbox.close).start()
    inbox.pick("batch").let_go(1)
    with pytest.raises(store.Superseded):
        pick.take(1, 5)


def test_a_video_goes_to_the_disk_and_leaves_it_with_its_pick(put, inbox, book):
    put("video", body=b"moving ", size=14)
    put("video", body=b"picture", size=14, offset=7)

    (file,) = inbox.pick("video").files()
    assert file.path.read_bytes() == b"moving picture"
    assert (book.held(Place.DISK), book.held(Place.MEMORY)) == ({"me": 14}, {})
    inbox.clear("video")
    assert not file.path.exists()
    assert book.held(Place.DISK) == {}


def until(true, seconds=5.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_no_request_is_larger_than_what_cloud_run_lets_through():
    assert route.PART < 32 * MIB
    sent = (Path(widget.__file__).parent / "browser" / "send.js").read_text()
    assert "const PART = 4 * 1024 * 1024;" in sent
    assert 4 * MIB <= route.PART
