"""What an address says by itself."""

import pytest

from sightserve.client import Client
from sightserve.client.addresses import is_local, is_safe


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000", "http://localhost:8000/", "http://LOCALHOST", "http://127.9.9.9", "http://[::1]:8000",
     "https://app.localhost", "http://0.0.0.0:8000"],
)  # fmt: skip
def test_this_machine_is_asked_without_a_proxy(url, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    assert is_local(url)
    assert is_safe(url)
    with Client(url) as client:
        assert client._http._mounts == {}


@pytest.mark.parametrize(
    "url", ["http://backend:8000", "https://classifier.example", "http://localhost.example", "http://10.0.0.1"]
)
def test_elsewhere_the_environments_proxy_is_taken(url, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    assert not is_local(url)
    with Client(url) as client:
        assert client._http._mounts


@pytest.mark.parametrize("url", ["http://backend:8000", "http://10.0.0.1", "ftp://127.0.0.1", "", "http://[broken"])
def test_a_secret_travels_nowhere_else_in_the_clear(url):
    assert not is_safe(url)
