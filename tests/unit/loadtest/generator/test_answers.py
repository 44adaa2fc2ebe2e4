"""What an answer of the API amounts to."""

import json

import pytest

from sightserve.loadtest.generator.answers import judge, judge_batch, pause_of, timing_of
from sightserve.loadtest.generator.photos import Photo
from sightserve.loadtest.generator.web import Answer
from sightserve.loadtest.record import Outcome

CAT = Photo("cat.jpg", b"...", label="tabby")
TEXT = Photo("notes.jpg", b"...", expected=frozenset({415}))


def answer(status: int, body: object = None, cause: str = "", **headers: str) -> Answer:
    return Answer(status, json.dumps(body).encode(), headers, 0.1, cause)


@pytest.mark.parametrize(
    ("found", "photo", "expected"),
    [
        (answer(200, {"prediction": "tabby"}), CAT, (Outcome.OK, "")),
        (answer(200, {"prediction": "tench"}), CAT, (Outcome.FAILED, "wrong_answer")),
        (answer(200, ["tabby"]), CAT, (Outcome.FAILED, "wrong_answer")),
        (answer(503, {"code": "overloaded"}), CAT, (Outcome.REFUSED, "overloaded")),
        (answer(429, {"code": "rate_limited"}), CAT, (Outcome.REFUSED, "rate_limited")),
        (answer(504, {"code": "deadline_exceeded"}), CAT, (Outcome.FAILED, "504 deadline_exceeded")),
        (answer(0, cause="connection refused"), CAT, (Outcome.FAILED, "connection refused")),
        (answer(415, {"code": "unsupported_image_type"}), TEXT, (Outcome.OK, "")),
        (answer(200, {"prediction": "tabby"}), TEXT, (Outcome.FAILED, "200")),
    ],
)
def test_an_answer_is_right_wrong_or_refused(found, photo, expected):
    assert judge(found, photo) == expected


def test_a_batch_is_right_when_all_its_labels_are():
    def item(label: str) -> dict[str, object]:
        return {"result": {"prediction": label}, "error": None}

    right = answer(200, {"results": [item("tabby"), item("tench")]})
    late = answer(200, {"results": [item("tabby"), {"result": None, "error": {"code": "overloaded"}}]})

    assert judge_batch(right, ["tabby", "tench"]) == (Outcome.OK, "")
    assert judge_batch(right, ["tench", "tabby"]) == (Outcome.FAILED, "wrong_answer")
    assert judge_batch(late, ["tabby", "tench"])[0] is Outcome.REFUSED


@pytest.mark.parametrize(("said", "seconds"), [("3", 3.0), ("999", 30.0), ("soon", 1.0)])
def test_retry_after_is_respected_within_reason(said, seconds):
    assert pause_of(answer(503, **{"retry-after": said})) == seconds


def test_the_backend_tells_where_the_time_went():
    found = answer(200, {"timing_ms": {"queue": 1.0, "decode": 2.0, "inference": 5.0}})

    timing = timing_of(found, beside=4)

    assert timing is not None
    assert timing.beside == 4
    assert timing.service == pytest.approx(0.007)  # decode and inference
    assert timing.queue == pytest.approx(0.001)
