"""The typed client against a transport that answers what a test says: same tests for both clients."""

import asyncio
import io
import json
from typing import Any

import httpx2
import pytest

from sightserve.api.errors import ErrorCode
from sightserve.client import (
    ApiError,
    AsyncClient,
    BackendTimeout,
    BackendUnreachable,
    Client,
    ClientError,
    ConnectionBroken,
    GatewayError,
    InvalidAnswer,
)
from sightserve.client.retry import ONCE, Retry

PREDICTION = {
    "prediction": "tabby",
    "probability": 0.7,
    "top_k": [{"index": 281, "label": "tabby", "probability": 0.7}],
    "model": {"name": "m", "version": "1"},
    "image": {"width": 2, "height": 2, "format": "JPEG"},
    "timing_ms": {"queue": 0, "decode": 1, "inference": 2},
    "a_field_from_the_future": True,
}


def problem(code: str, status: int, headers: dict[str, str] | None = None) -> httpx2.Response:
    body = {"type": "about:blank", "title": "t", "status": status, "detail": "what happened", "code": code}
    return httpx2.Response(status, json=body, headers=headers)


class Script:
    """Answers requests from a list of answers or exceptions, and remembers what was asked and how long was waited."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []
        self.waits: list[float] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Blocking:
    """Calls the blocking client."""

    def __init__(self, script: Script, **options: Any) -> None:
        self.client = Client(
            "http://backend/", transport=httpx2.MockTransport(script), sleep=script.waits.append, **options
        )

    def call(self, method, *args, **kwargs):
        with self.client:
            return getattr(self.client, method)(*args, **kwargs)


class Asynchronous:
    """Calls the asynchronous client."""

    def __init__(self, script: Script, **options: Any) -> None:
        async def sleep(seconds: float) -> None:
            script.waits.append(seconds)

        async def transport(request: httpx2.Request) -> httpx2.Response:
            await request.aread()
            return script(request)

        self.client = AsyncClient("http://backend/", transport=httpx2.MockTransport(transport), sleep=sleep, **options)

    def call(self, method, *args, **kwargs):
        async def run():
            async with self.client:
                return await getattr(self.client, method)(*args, **kwargs)

        return asyncio.run(run())


@pytest.fixture(params=[Blocking, Asynchronous])
def caller(request):
    return request.param


def test_a_prediction_from_bytes_goes_out_as_the_raw_body(caller):
    script = Script(httpx2.Response(200, json=PREDICTION))

    prediction = caller(script).call("predict", b"photo", filename="cat.jpg", top_k=3)

    (request,) = script.requests
    assert prediction.prediction == "tabby"
    assert prediction.filename == "cat.jpg"
    assert str(request.url) == "http://backend/predict?top_k=3&probabilities=false"
    assert request.content == b"photo"


@pytest.mark.parametrize("kind", ["str", "path", "file"])
def test_a_file_may_be_a_name_a_path_or_open_and_gives_its_name(caller, kind, tmp_path):
    path = tmp_path / "cat.jpg"
    path.write_bytes(b"photo")
    script = Script(httpx2.Response(200, json=PREDICTION))

    with path.open("rb") as file:
        prediction = caller(script).call("predict", {"str": str(path), "path": path, "file": file}[kind])

    assert script.requests[0].content == b"photo"
    assert prediction.filename == "cat.jpg"


def test_an_open_file_without_a_name_is_fine(caller):
    script = Script(httpx2.Response(200, json=PREDICTION))

    assert caller(script).call("predict", io.BytesIO(b"photo")).filename is None


def test_a_batch_sends_every_file_and_keeps_errors_beside_results(caller):
    error = json.loads(problem("unreadable_image", 422).content)
    items = [{"filename": "a", "result": PREDICTION}, {"filename": "b", "error": error}]
    script = Script(httpx2.Response(200, json={"results": items, "succeeded": 1, "failed": 1}))

    batch = caller(script).call("predict_batch", [b"one", b"two"])

    assert [item.result is not None for item in batch.results] == [True, False]
    assert script.requests[0].content.count(b'name="file"') == 2


def test_a_problem_becomes_an_error_with_its_code(caller):
    script = Script(problem("unreadable_image", 422))

    with pytest.raises(ApiError, match="what happened") as caught:
        caller(script).call("predict", b"x")

    assert caught.value.code == ErrorCode.UNREADABLE_IMAGE
    assert caught.value.status == 422


def test_a_refused_connection_is_tried_again_and_then_given_up(caller):
    script = Script(*[httpx2.ConnectError("refused")] * 3)

    with pytest.raises(BackendUnreachable, match="http://backend"):
        caller(script, retry=Retry(absence=1.0, first_pause=0.2, spread=0)).call("predict", b"x")

    assert script.waits == [0.2, 0.4]  # the next would end after 1.4 s


def test_metrics_come_as_they_are(caller):
    assert caller(Script(httpx2.Response(200, text="a 1\n"))).call("metrics") == "a 1\n"


def test_metrics_that_are_refused_are_an_error(caller):
    with pytest.raises(ApiError):
        caller(Script(problem("not_found", 404))).call("metrics")


def test_an_overloaded_backend_is_tried_again_when_it_says(caller):
    script = Script(problem("overloaded", 503, {"Retry-After": "2"}), httpx2.Response(200, json=PREDICTION))

    assert caller(script).call("predict", b"x").prediction == "tabby"
    assert script.waits == [2.0]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408, 521])
@pytest.mark.parametrize("page", ["<html>busy</html>", "", "Rate exceeded.", '{"error": {"code": 503}}'])
def test_what_stands_before_the_backend_is_asked_again(caller, status, page):
    """Cloud Run, an ingress and a balancer answer with pages of their own, with and without Retry-After."""
    script = Script(
        httpx2.Response(status, text=page),
        httpx2.Response(status, text=page, headers={"Retry-After": "1"}),
        httpx2.Response(200, json=PREDICTION),
    )

    assert caller(script, retry=Retry(spread=0)).call("predict", b"x").prediction == "tabby"
    assert script.waits == [0.2, 1.0]


def test_what_stands_before_the_backend_is_given_up_with_its_status(caller):
    with pytest.raises(GatewayError) as caught:
        caller(Script(httpx2.Response(429, headers={"Retry-After": "3600"}))).call("predict", b"x")

    assert (caught.value.status, caught.value.retry_after) == (429, 3600)


@pytest.mark.parametrize(
    "answer",
    [
        ("overloaded", 503, {"Retry-After": "3600"}),  # too long to wait for
        ("internal", 500, {"Retry-After": "1"}),
        ("unreadable_image", 422),
        ("unauthorized", 401),
    ],
)
def test_what_does_not_pass_is_not_tried_again(caller, answer):
    script = Script(problem(*answer))

    with pytest.raises(ApiError):
        caller(script).call("predict", b"x")

    assert script.waits == []


def test_a_proxys_limit_of_size_is_told_apart_and_not_asked_again(caller):
    script = Script(httpx2.Response(413, text="<html>Request Entity Too Large</html>"))

    with pytest.raises(GatewayError, match="413"):
        caller(script).call("predict", b"x")

    assert len(script.requests) == 1


def test_an_answer_that_takes_longer_than_anyone_waits_is_given_up(caller):
    script = Script(httpx2.ReadTimeout("slow"))

    with pytest.raises(BackendTimeout):
        caller(script, retry=ONCE).call("predict", b"x")

    assert len(script.requests) == 1


@pytest.mark.parametrize(("status", "text"), [(404, "{}"), (200, "hello"), (200, "{}"), (302, "")])
def test_somebody_elses_answer_is_told_apart(caller, status, text):
    with pytest.raises(InvalidAnswer):
        caller(Script(httpx2.Response(status, text=text))).call("predict", b"x")


def test_a_kept_connection_that_broke_is_asked_once_more_even_by_who_asks_once(caller):
    script = Script(httpx2.RemoteProtocolError("Server disconnected"), httpx2.Response(200, json=PREDICTION))

    assert caller(script, retry=ONCE).call("predict", b"x").prediction == "tabby"
    assert script.waits == []


def test_a_connection_that_keeps_breaking_has_a_name_too(caller):
    with pytest.raises(ConnectionBroken, match="broke"):
        caller(Script(*[httpx2.ReadError("reset")] * 2), retry=ONCE).call("predict", b"x")


def test_an_api_key_travels_in_a_header_of_its_own(caller):
    script = Script(httpx2.Response(200, json=PREDICTION))

    caller(script, api_key="secret-1").call("predict", b"x")

    assert script.requests[0].headers["x-api-key"] == "secret-1"
    assert "authorization" not in script.requests[0].headers  # that is an ID token's


def test_an_empty_batch_is_refused_before_anything_is_sent(caller):
    with pytest.raises(ValueError, match="at least one"):
        caller(Script()).call("predict_batch", [])


@pytest.mark.parametrize("url", ["no-scheme:8000", "", "ftp://host"])
def test_an_address_that_is_none_says_so(url):
    with Client(url) as client, pytest.raises(ClientError, match="address"):
        client.predict(b"x")


@pytest.mark.parametrize(
    ("header", "seconds"), [("0", 0), ("1.5", 1.5), ("-3", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", None)]
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    script = Script(problem("overloaded", 503, {"Retry-After": header}))

    with pytest.raises(ApiError) as caught:
        Blocking(script, retry=ONCE).call("predict", b"x")

    assert caught.value.retry_after == seconds
