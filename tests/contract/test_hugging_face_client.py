"""Hugging Face's own client, unmodified, asks the real server; TorchServe's callers have no client but curl."""

import base64
import functools
import json
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import BadRequestError, HfHubHTTPError
from tests.conftest import SAMPLES
from tests.processes import running_backend

MODEL = "efficientnet-lite2-int8"
KEY = "k" * 16


@pytest.fixture
def client(backend_url: str) -> InferenceClient:
    return InferenceClient(model=f"{backend_url}/hf", provider="hf-inference", token="unread")


@pytest.mark.parametrize("more", [{}, {"top_k": 2}, {"function_to_apply": "softmax"}])
def test_bytes_and_a_path(client, espresso, more):
    for image in (espresso, str(SAMPLES / "espresso.jpg"), SAMPLES / "espresso.jpg"):
        answer = client.image_classification(image, **more)

        assert len(answer) == more.get("top_k", 5)
        assert answer[0].label == "espresso"
        assert [one.score for one in answer] == sorted((one.score for one in answer), reverse=True)


@pytest.mark.parametrize("more", [{}, {"top_k": 1}])
def test_an_address_is_downloaded_by_the_client(client, more):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SAMPLES)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answer = client.image_classification(f"http://127.0.0.1:{server.server_port}/espresso.jpg", **more)
        server.shutdown()

    assert answer[0].label == "espresso"


def test_the_first_class_is_that_of_predict_for_twenty_photos(client, backend_url, labelled_photos):
    for path, _ in labelled_photos[:20]:
        own = httpx2.post(f"{backend_url}/predict?top_k=2", content=path.read_bytes()).json()["top_k"]

        answer = client.image_classification(path, top_k=2)

        assert [one.label for one in answer] == [one["label"] for one in own]
        assert [one.score for one in answer] == pytest.approx([one["probability"] for one in own], abs=1e-4)


def test_its_other_addresses(client, backend_url, cat):
    named = InferenceClient(base_url=f"{backend_url}/hf/models/{MODEL}", token="unread")

    assert client.health_check()
    assert client.get_endpoint_info()["model_id"] == MODEL
    assert "cat" in named.image_classification(cat, top_k=1)[0].label


def test_more_classes_than_there_are_are_all_of_them(client, cat):
    assert len(client.image_classification(cat, top_k=100_000)) == 1000


@pytest.mark.parametrize(
    ("image", "more", "status", "words"),
    [
        (b"no image", {}, 415, "not an image of a supported type"),
        (b"no image", {"top_k": 1}, 415, "not an image of a supported type"),
        (b"\xff\xd8\xff\xe0 cut off", {}, 422, "JPEG"),
        (b"x", {"top_k": 0}, 422, "top_k: Input should be greater"),
        (b"x", {"function_to_apply": "none"}, 422, "made by softmax"),
    ],
)
def test_errors_have_the_clients_words(client, image, more, status, words):
    with pytest.raises(HfHubHTTPError, match=words) as caught:
        client.image_classification(image, **more)

    assert caught.value.response.status_code == status


def test_an_empty_image_is_a_bad_request(client):
    with pytest.raises(BadRequestError, match="the body is empty"):
        client.image_classification(b"")


def test_a_token_is_a_key(tmp_path, espresso):
    with running_backend(tmp_path / "log", SIGHTSERVE_API_KEYS=KEY) as backend:
        url = f"{backend.url}/hf"
        with pytest.raises(HfHubHTTPError, match="this API key is not known here"):
            InferenceClient(model=url, token="hf_wrong").image_classification(espresso)

        assert InferenceClient(model=url, token=KEY).image_classification(espresso)[0].label == "espresso"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json", "image/png", None]
)
def test_what_the_body_is_decides_and_not_its_content_type(backend_url, espresso, content_type):
    headers = {"content-type": content_type} if content_type else {}
    in_json = json.dumps({"inputs": base64.b64encode(espresso).decode(), "parameters": {"top_k": 1}}).encode()

    for body in (espresso, b"\r\n  " + in_json):
        answer = httpx2.post(f"{backend_url}/hf", content=body, headers=headers)
        assert answer.json()[0]["label"] == "espresso"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{}",
        b'{"inputs": 5}',
        b'{"inputs": null}',
        b'{"inputs": "not base64!"}',
        b'{"inputs": "https://example.com/cat.jpg"}',
        b'{"inputs": ["a", "b"]}',
        b'{"inputs":' + b"[" * 200_000,
        b'{"inputs": "", "a": [' + b"[]," * 2_000_000,
    ],
)
def test_json_without_a_photo_is_refused(backend_url, content):
    answer = httpx2.post(f"{backend_url}/hf", content=content)

    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


@pytest.mark.slow
def test_who_is_refused_is_told_for_how_long(tmp_path, cat):
    """All bodies together may hold less than this one has: refused, as in overload."""
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_MAX_QUEUE_BYTES="1000") as backend:
        answer = httpx2.post(f"{backend.url}/hf", content=cat)

    assert answer.status_code == 503
    assert answer.json()["estimated_time"] == int(answer.headers["retry-after"])


@pytest.mark.parametrize(
    "words",
    [["-T", "{photo}"], ["-F", "data=@{photo}"], ["--data-binary", "@{photo}", "-H", "Content-Type: image/jpeg"]],
)
@pytest.mark.parametrize("version", ["", "/2.0.0"])
def test_torchserves_callers_get_its_answer(backend_url, words, version):
    photo = str(SAMPLES / "espresso.jpg")
    ask = ["curl", "--silent", *(word.format(photo=photo) for word in words)]

    told = subprocess.run([*ask, f"{backend_url}/predictions/{MODEL}{version}"], check=True, capture_output=True)

    answer = json.loads(told.stdout)
    assert len(answer) == 5
    assert next(iter(answer)) == "espresso"
    assert answer["espresso"] > 0.9


def test_torchserves_errors_and_health(backend_url, cat):
    answer = httpx2.put(f"{backend_url}/predictions/another", content=cat)

    assert answer.status_code == 404
    assert answer.json() == {
        "code": 404,
        "type": "not_found",
        "message": f"there is no model 'another' here, but '{MODEL}'",
    }
    assert httpx2.get(f"{backend_url}/ping").json() == {"status": "Healthy"}
