"""A visitor's browser, as far as it goes without a web app."""

import socket
import threading

import pytest

from sightserve.loadtest.generator.browser import Browser, VisitFailed
from sightserve.loadtest.generator.web import form


def test_the_load_goes_to_the_address_that_was_said_whatever_proxy_the_environment_names(monkeypatch):
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as app, socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "nowhere.example")

        def answer() -> None:
            connection, _ = app.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        browser = Browser(f"http://127.0.0.1:{app.getsockname()[1]}", timeout=5)

        with pytest.raises(VisitFailed, match="websocket: 403"):
            browser._connect()
        thread.join(5)

    assert heard[0].startswith(b"GET /_stcore/stream")


def test_a_form_has_every_photo_in_a_field_of_the_name():
    body, headers = form([("a.jpg", b"\xff\xd8one"), ("b.jpg", b"two\r\n")])

    boundary = headers["Content-Type"].removeprefix("multipart/form-data; boundary=").encode()
    before, one, two, after = body.split(b"--" + boundary)
    assert (before, after) == (b"", b"--\r\n")
    assert one.startswith(b'\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n')
    assert one.endswith(b"\r\n\r\n\xff\xd8one\r\n")
    assert two.endswith(b"\r\n\r\ntwo\r\n\r\n")
