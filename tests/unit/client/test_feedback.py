"""Feedback through the typed client: same tests for both clients."""

import json
import pickle

import httpx2
import pytest
from tests.unit.client.test_client import PREDICTION, Asynchronous, Blocking, Script, problem

import sightserve
from sightserve.api.schema import Prediction
from sightserve.client import ApiError, Client, InvalidAnswer

SAVED = {"id": "an-id", "photo": False}


@pytest.fixture(params=[Blocking, Asynchronous])
def caller(request):
    return request.param


def test_an_answer_is_judged_by_itself_or_by_its_id(caller):
    answer = Prediction.model_validate(PREDICTION | {"id": "an-id"})
    for judged in (answer, "an-id"):
        script = Script(httpx2.Response(201, json=SAVED))

        saved = caller(script).call("feedback", judged, right=False, label="lynx", note="its ears")

        (request,) = script.requests
        assert saved.id == "an-id"
        assert (request.method, str(request.url)) == ("POST", "http://backend/feedback")
        wanted = {"id": "an-id", "verdict": "wrong", "label": "lynx", "note": "its ears"}
        assert json.loads(request.content) == wanted


def test_a_photo_travels_beside_it_without_its_name(caller, tmp_path):
    path = tmp_path / "me_at_home.jpg"
    path.write_bytes(b"photo")
    script = Script(httpx2.Response(201, json=SAVED | {"photo": True}))

    saved = caller(script).call("feedback", "an-id", right=True, photo=path)

    (request,) = script.requests
    assert saved.photo
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert b'name="photo"' in request.content
    assert b"me_at_home" not in request.content


@pytest.mark.parametrize(
    ("judged", "said", "words"),
    [
        (Prediction.model_validate(PREDICTION), {"right": True}, "keeps no feedback"),
        ("an-id", {"right": True, "label": "lynx"}, "for an answer that was wrong"),
        ("an-id", {"right": False, "label": ""}, "at least 1"),
        ("no/id", {"right": True}, "id"),
    ],
)
def test_what_cannot_be_said_is_not_sent(caller, judged, said, words):
    script = Script()

    with pytest.raises(ValueError, match=words):
        caller(script).call("feedback", judged, **said)

    assert not script.requests


def test_a_database_that_is_away_is_asked_again_when_it_says(caller):
    away = problem("feedback_unavailable", 503, {"retry-after": "2"})
    script = Script(away, httpx2.Response(201, json=SAVED))

    caller(script).call("feedback", "an-id", right=True)

    assert script.waits == [2.0]


def test_an_answer_is_forgotten_and_one_that_nobody_knows_is_an_error(caller):
    script = Script(httpx2.Response(204))
    assert caller(script).call("forget", "../model") is None
    assert (script.requests[0].method, script.requests[0].url.raw_path) == ("DELETE", b"/feedback/..%2Fmodel")

    with pytest.raises(ApiError) as caught:
        caller(Script(problem("unknown_prediction", 404))).call("forget", "an-id")
    assert caught.value.code == "unknown_prediction"


def test_the_summary_is_counted_by_the_backend(caller):
    told = {"predictions": 10, "judged": 4, "right": 3, "low": 0.3, "high": 0.95}

    summary = caller(Script(httpx2.Response(200, json=told))).call("feedback_summary")

    assert (summary.judged, summary.right, summary.low) == (4, 3, 0.3)
    with pytest.raises(InvalidAnswer):
        caller(Script(httpx2.Response(204))).call("feedback_summary")


def test_a_backend_is_told_which_of_our_programs_asks(caller):
    script = Script(httpx2.Response(200, json=PREDICTION))
    caller(script).call("predict", b"x")
    assert script.requests[0].headers["user-agent"] == f"sightserve-client/{sightserve.__version__}"

    with Client("http://backend", source="page") as page, pickle.loads(pickle.dumps(page)) as copy:
        assert copy._http.headers["user-agent"].startswith("sightserve-page/")
