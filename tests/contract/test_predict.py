"""POST /predict over real HTTP: every way in, every answer, every refusal."""

import io
import json
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from PIL import Image

from sightserve.api.errors import HTTP_STATUS, ErrorCode
from sightserve.api.schema import Prediction, Problem


@pytest.fixture
def http(backend_url):
    with httpx2.Client(base_url=backend_url, timeout=30) as client:
        yield client


def problem_of(response: httpx2.Response) -> Problem:
    """The problem in an answer, after checking what must hold for every problem."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(response.content)
    assert problem.status == response.status_code == HTTP_STATUS[ErrorCode(problem.code)]
    assert problem.request_id == response.headers["x-request-id"]
    assert problem.title
    assert problem.detail
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize("field", ["file", "image"])
def test_a_photo_in_a_form_gets_its_label(http, cat, field):
    response = http.post("/predict", files={field: ("my cat.jpg", cat, "image/jpeg")})

    prediction = Prediction.model_validate_json(response.content)
    assert response.status_code == 200
    assert "cat" in prediction.prediction or prediction.prediction == "tabby"
    assert prediction.filename == "my cat.jpg"
    assert (prediction.image.width, prediction.image.height, prediction.image.format) == (552, 560, "JPEG")
    assert len(prediction.top_k) == 5
    assert prediction.probabilities is None
    assert prediction.top_k[0].probability == prediction.probability


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "application/octet-stream", None])
def test_a_photo_as_the_raw_body_gets_the_same_label(http, cat, content_type):
    """The bytes decide what an image is; the content type only has to be one of an image, or opaque, or absent."""
    form = http.post("/predict", files={"file": cat}).json()

    raw = http.post("/predict", content=cat, headers={"content-type": content_type} if content_type else {})

    assert raw.json()["top_k"] == form["top_k"]
    assert raw.json()["filename"] is None


def test_a_body_without_an_announced_length_is_taken(http, cat):
    def chunks():
        yield cat[:1000]
        yield cat[1000:]

    response = http.post("/predict", content=chunks(), headers={"content-type": "image/jpeg"})

    assert "content-length" not in response.request.headers
    assert response.status_code == 200


def test_top_k_and_all_probabilities(http, cat):
    body = http.post("/predict?top_k=3&probabilities=true", files={"file": cat}).json()

    assert len(body["top_k"]) == 3
    assert len(body["probabilities"]) == 1000
    assert sum(body["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert body["probabilities"][body["top_k"][0]["index"]] == pytest.approx(body["probability"])


@pytest.mark.parametrize("query", ["top_k=0", "top_k=-1", "top_k=1001", "top_k=many", "probabilities=perhaps"])
def test_a_bad_parameter_is_named(http, cat, query):
    response = http.post(f"/predict?{query}", files={"file": cat})

    problem = problem_of(response)
    assert problem.code == ErrorCode.INVALID_PARAMETER
    assert query.split("=", maxsplit=1)[0] in problem.detail


def form_without_a_file() -> dict[str, object]:
    return {"files": {"other": b"not the field"}}


def truncated_form() -> dict[str, object]:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nhalf of it'
    return {"content": body, "headers": {"content-type": "multipart/form-data; boundary=b"}}


@pytest.mark.parametrize(
    "request_body",
    [
        {"content": b"", "headers": {"content-type": "image/jpeg"}},
        {"content": b"whatever", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"whatever", "headers": {"content-type": "multipart/form-data; boundary=b"}},
        {"content": b"", "headers": {"content-type": "multipart/form-data; boundary=b"}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=" + "b" * 500}},
        truncated_form(),
        form_without_a_file(),
        {"files": [("file", b"one"), ("file", b"two")]},
        {"files": [(f"field{i}", b"x") for i in range(100)]},
    ],
    ids=[
        "empty",
        "no boundary",
        "no part",
        "nothing",
        "long boundary",
        "truncated",
        "no file",
        "two files",
        "many fields",
    ],
)
def test_a_malformed_upload_is_400(http, request_body):
    problem = problem_of(http.post("/predict", **request_body))

    assert problem.code == ErrorCode.MALFORMED_REQUEST


def test_an_empty_file_in_a_form_is_415(http):
    """Nothing is no image of a supported type."""
    assert problem_of(http.post("/predict", files={"file": b""})).code == ErrorCode.UNSUPPORTED_IMAGE_TYPE


def test_an_announced_length_above_the_limit_is_413_before_the_body_is_read(backend_url):
    host, port = backend_url.removeprefix("http://").split(":")
    head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: image/jpeg\r\nContent-Length: {31 * 2**20}\r\n\r\n"

    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"payload_too_large"' in answer


def test_a_body_that_turns_out_too_long_is_413(http):
    def endless():
        for _ in range(64):
            yield bytes(1024 * 1024)

    response = http.post("/predict", content=endless(), headers={"content-type": "image/jpeg"})

    assert problem_of(response).code == ErrorCode.PAYLOAD_TOO_LARGE


def test_a_pixel_bomb_is_413(http):
    buffer = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(buffer, "PNG")

    problem = problem_of(http.post("/predict", files={"file": buffer.getvalue()}))

    assert len(buffer.getvalue()) < 100_000
    assert problem.code == ErrorCode.TOO_MANY_PIXELS
    assert "12,000 x 12,000" in problem.detail


@pytest.mark.parametrize("data", [b"hello", b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"PK\x03\x04"])
def test_what_is_no_image_is_415(http, data):
    assert problem_of(http.post("/predict", files={"file": data})).code == ErrorCode.UNSUPPORTED_IMAGE_TYPE


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_a_content_type_that_is_no_image_is_415(http, cat, content_type):
    response = http.post("/predict", content=cat, headers={"content-type": content_type})

    problem = problem_of(response)
    assert problem.code == ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert content_type in problem.detail


def test_a_truncated_photo_is_422(http, cat):
    assert problem_of(http.post("/predict", files={"file": cat[:5000]})).code == ErrorCode.UNREADABLE_IMAGE


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\cat.jpg", "cat.jpg"),
        ("na\u00efve \U0001f408.jpg", "na\u00efve \U0001f408.jpg"),
        ("a" * 1000 + ".jpg", "a" * 255),
        ("..", ".."),
    ],
)
def test_a_file_name_is_never_a_path(http, cat, sent, shown):
    assert http.post("/predict", files={"file": (sent, cat)}).json()["filename"] == shown


def test_a_connection_serves_the_next_request_after_a_refused_one(http, cat):
    assert http.post("/predict", files={"file": b"no image"}).status_code == 415
    assert http.post("/predict", files={"file": cat}).status_code == 200


def test_a_request_id_that_is_sent_comes_back_and_a_dangerous_one_does_not(http):
    assert http.get("/", headers={"x-request-id": "abc-123"}).headers["x-request-id"] == "abc-123"
    assert http.get("/", headers={"x-request-id": "a b; c"}).headers["x-request-id"] != "a b; c"


def test_the_course_answer_has_every_probability_nested(http, cat):
    response = http.post("/classify/", files={"file": ("my_cat.jpg", cat, "image/jpeg")})

    body = response.json()
    assert set(body) == {"filename", "prediction", "probabilities"}
    assert body["filename"] == "my_cat.jpg"
    assert len(body["probabilities"]) == 1
    assert len(body["probabilities"][0]) == 1000
    labels = http.get("/model").json()["labels"]
    assert labels[body["probabilities"][0].index(max(body["probabilities"][0]))] == body["prediction"]


def test_a_batch_answers_in_order_and_a_bad_file_does_not_spoil_the_others(http, cat, espresso):
    files = [("file", ("a.jpg", cat)), ("file", ("b.txt", b"no image")), ("file", ("c.jpg", espresso))]

    body = http.post("/predict/batch?top_k=1", files=files).json()

    assert [item["filename"] for item in body["results"]] == ["a.jpg", "b.txt", "c.jpg"]
    assert [item["error"] and item["error"]["code"] for item in body["results"]] == [
        None,
        "unsupported_image_type",
        None,
    ]
    assert body["results"][2]["result"]["prediction"] == "espresso"
    assert (body["succeeded"], body["failed"]) == (2, 1)


def test_a_batch_with_too_many_files_is_413(http):
    response = http.post("/predict/batch", files=[("file", b"x")] * 65)

    assert problem_of(response).code == ErrorCode.TOO_MANY_FILES


def test_requests_side_by_side_do_not_mix_up_their_answers(http, cat, espresso):
    expected = {data: http.post("/predict", content=data).json()["top_k"] for data in (cat, espresso)}

    with ThreadPoolExecutor(16) as pool:
        sent = [cat, espresso] * 32
        answers = list(pool.map(lambda data: http.post("/predict", content=data).json()["top_k"], sent))

    assert answers == [expected[data] for data in sent]


def test_the_standard_library_is_client_enough(backend_url, cat):
    request = urllib.request.Request(f"{backend_url}/predict", data=cat, headers={"Content-Type": "image/jpeg"})

    with urllib.request.urlopen(request) as response:
        assert json.load(response)["prediction"]
