"""Many images in one request: each an ordinary place in the queue, all with the request's deadline."""

import io
import os
import signal
import threading
import time

import httpx2
import pytest
from PIL import Image
from tests.metrics import metric
from tests.processes import running_backend
from tests.slots import slots

CODES_OF_LATE = {"deadline_exceeded", "overloaded"}


def test_a_lost_slot_is_one_error_and_the_others_are_answered(tmp_path, slow_photo, cat):
    calm = {"SIGHTSERVE_DEADLINE_MS": "60000"}
    with running_backend(tmp_path / "log", "--cpus", "1", **calm) as backend:
        files = [("file", (f"{i}.png", slow_photo if i < 2 else cat)) for i in range(12)]
        found: list[httpx2.Response] = []

        def send() -> None:
            found.append(httpx2.post(f"{backend.url}/predict/batch?top_k=1", files=files, timeout=60))

        sending = threading.Thread(target=send)
        sending.start()
        while metric(backend.url, "sightserve_inference_seconds_count") < 1:
            time.sleep(0.002)
        os.kill(slots(backend.process.pid)[0], signal.SIGKILL)
        sending.join()

    (answer,) = found
    items = answer.json()["results"]
    failed = [item["error"]["code"] for item in items if item["error"]]
    assert answer.status_code == 200
    assert failed == ["internal"]
    assert answer.json()["succeeded"] == 11


@pytest.mark.slow
def test_the_deadline_of_a_request_is_that_of_all_its_images(tmp_path):
    """Twelve photos of 20 megapixels, which take a second and more together, on one slot."""
    buffer = io.BytesIO()
    Image.new("RGB", (5000, 4000)).save(buffer, "PNG", compress_level=1)
    with running_backend(tmp_path / "log", "--cpus", "1") as backend:
        answer = httpx2.post(
            f"{backend.url}/predict/batch?top_k=1",
            files=[("file", buffer.getvalue())] * 12,
            headers={"x-request-deadline-ms": "400"},
            timeout=60,
        )
        done = metric(backend.url, "sightserve_inference_seconds_count")

    items = answer.json()["results"]
    late = {item["error"]["code"] for item in items if item["error"]}
    assert answer.status_code == 200
    assert late
    assert late <= CODES_OF_LATE
    assert done < 12


@pytest.mark.slow
def test_the_bytes_of_images_are_free_again(tmp_path, cat):
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_MAX_QUEUE_BYTES="1000000") as backend:
        for _ in range(20):  # its bytes are free again, however often
            answer = httpx2.post(f"{backend.url}/predict/batch", files=[("file", cat)] * 4, timeout=60)
            assert answer.json()["succeeded"] == 4
        assert metric(backend.url, "sightserve_requests_in_flight") == 0
