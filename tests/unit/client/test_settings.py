"""What a client is told at its start: refused early where it cannot be meant, and taken along to other processes."""

import pickle

import httpx2
import pytest

from sightserve.client import Client, ClientError
from sightserve.client.retry import Retry


@pytest.mark.parametrize("key", ["two\nlines", "caf\u00e9", "\x00"])
def test_an_api_key_that_no_header_carries_is_refused_early(key):
    with pytest.raises(ValueError, match="API key"):
        Client("http://backend", api_key=key)


def test_a_client_can_be_sent_to_another_process():
    client = Client("http://127.0.0.1:9/", api_key="secret-1", timeout=3.5, retry=Retry(patience=7))

    copy = pickle.loads(pickle.dumps(client))

    assert (copy.base_url, copy.retry.patience) == ("http://127.0.0.1:9", 7)
    assert copy._http.headers["x-api-key"] == "secret-1"
    assert copy._http.timeout == httpx2.Timeout(3.5)


def test_a_closed_client_says_so():
    with Client("http://127.0.0.1:9") as client:
        pass

    with pytest.raises(ClientError, match="closed"):
        client.predict(b"x")
