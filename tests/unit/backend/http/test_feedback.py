"""What POST, DELETE and GET /feedback take, and how they say no."""

import hashlib
import io
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient
from tests.fakes.recorder import MemoryRecorder

from sightserve.api.schema import FeedbackInfo
from sightserve.backend.feedback import Feedback, source_of
from sightserve.backend.http import feedback
from sightserve.backend.http.problems import HANDLERS
from sightserve.backend.metrics import Metrics
from sightserve.backend.settings import Settings
from sightserve.feedback.errors import DatabaseAway

MAX_BYTES = 500_000
SAID = {"id": "a-known_id", "verdict": "wrong", "label": "lynx", "note": "its ears"}


class Served:
    """The routes over a recorder in memory."""

    def __init__(self, *, photos: bool = True) -> None:
        self.recorder, self.metrics = MemoryRecorder("a-known_id"), Metrics()
        self.feedback = Feedback(
            self.recorder, FeedbackInfo(days=90, photos=photos), max_pixels=1_000_000, max_bytes=2 * MAX_BYTES
        )
        api = FastAPI(exception_handlers=HANDLERS)
        api.include_router(feedback.router)
        api.state.backend = SimpleNamespace(
            settings=Settings(max_upload_bytes=MAX_BYTES),
            metrics=self.metrics,
            feedback=self.feedback,
            bundle=SimpleNamespace(manifest=SimpleNamespace(model=SimpleNamespace(sha256="f" * 64))),
        )
        self.http = TestClient(api, raise_server_exceptions=False)

    def refusal(self, expected: int, **request: object) -> tuple[str, str]:
        answer = self.http.post("/feedback", **request)  # type: ignore[arg-type]
        assert answer.status_code == expected, answer.text
        assert not self.recorder.said
        return answer.json()["code"], answer.json()["detail"]


@pytest.fixture
def served():
    made = Served()
    yield made
    made.feedback.close(0)


def photo(width: int = 40, height: int = 20) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "a camera"  # Make
    Image.effect_noise((width, height), 60).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def test_what_is_said_as_json_is_kept(served):
    answer = served.http.post("/feedback", json=SAID)

    assert (answer.status_code, answer.json()) == (201, {"id": "a-known_id", "photo": False})
    (said,) = served.recorder.said
    assert (said.prediction, said.verdict, said.label, said.note) == ("a-known_id", "wrong", "lynx", "its ears")
    assert served.metrics.registry.get_sample_value("sightserve_feedback_total", {"verdict": "wrong"}) == 1


def test_a_photo_is_kept_small_and_without_what_its_camera_wrote(served):
    sent = photo(1200, 600)

    answer = served.http.post("/feedback", data=SAID, files={"photo": ("IMG_1.jpg", sent)})

    assert (answer.status_code, answer.json()["photo"]) == (201, True)
    (said,) = served.recorder.said
    assert said.label == "lynx"
    assert said.photo_sha256 == hashlib.sha256(sent).hexdigest()
    kept = Image.open(io.BytesIO(said.photo))
    assert (kept.format, kept.size, dict(kept.getexif())) == ("JPEG", (1024, 512), {})


def test_a_form_of_a_page_sends_what_nobody_filled_in(served):
    form = {"id": "a-known_id", "verdict": "right", "label": "", "note": ""}

    answer = served.http.post("/feedback", data=form, files={"photo": ("", b"")})

    assert (answer.status_code, answer.json()["photo"]) == (201, False)
    assert served.recorder.said[0].label is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdict": "maybe"}, "verdict: Input should be 'right' or 'wrong'"),
        ({"verdict": "right"}, "feedback: a label is for an answer that was wrong"),
        ({"lable": "x"}, "lable: Extra inputs are not permitted"),
        ({"label": " "}, "label: String should have at least 1 character"),
        ({"label": "a\nb"}, "label: a label is one line"),
        ({"label": "\u202ea"}, "label: a label is one line"),
        ({"label": "x" * 201}, "label: String should have at most 200"),
        ({"note": "x" * 1001}, "note: String should have at most 1000"),
        ({"note": "\0"}, "note: a note has no NUL in it"),
        ({"id": "x" * 65}, "id: String should match"),
        ({"id": "a/b"}, "id: String should match"),
        ({"id": "a\n"}, "id: String should match"),
        ({"id": ""}, "id: String should match"),
        ({"id": 7}, "id: Input should be a valid string"),
    ],
)
def test_what_cannot_be_kept_is_explained(served, change, words):
    code, detail = served.refusal(422, json=SAID | change)

    assert code == "invalid_parameter"
    assert detail.startswith(words)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 5000, b'{"id": "\xff"}', b'{"id": "\\ud800"}', b'{"id": NaN}'])
def test_what_is_no_json_is_refused(served, body):
    code, _ = served.refusal(400, content=body, headers={"content-type": "application/json"})

    assert code == "malformed_request"


@pytest.mark.parametrize("body", [b"null", b"[]", b'"right"', b"{}"])
def test_json_that_says_something_else_is_refused(served, body):
    code, _ = served.refusal(422, content=body, headers={"content-type": "application/json; charset=utf-8"})

    assert code == "invalid_parameter"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "image/jpeg"])
def test_another_content_type_is_told_which_ones_are_taken(served, content_type):
    code, detail = served.refusal(400, content=b"{}", headers={"content-type": content_type})

    assert code == "malformed_request"
    assert "application/json, or multipart/form-data" in detail


def test_a_field_twice_a_file_elsewhere_and_two_photos_are_refused(served):
    def parts(*files):
        return [*((name, (None, text)) for name, text in SAID.items()), *files]

    assert served.refusal(400, files=parts(("note", (None, "again"))))[0] == "malformed_request"
    assert served.refusal(400, files=parts(("photo", b"a"), ("photo", b"b")))[0] == "malformed_request"
    assert served.refusal(422, files=parts(("file", b"a")))[1].startswith("file: Extra inputs")


def test_bodies_are_bounded_and_what_they_hold_together_too(served):
    assert served.refusal(413, json=SAID | {"note": "x" * 20_000})[0] == "payload_too_large"
    assert served.refusal(413, data=SAID | {"note": "x" * 20_000}, files={"photo": b"a"})[0] == "payload_too_large"
    assert served.refusal(413, data=SAID, files={"photo": b"x" * 600_000})[0] == "payload_too_large"
    with served.feedback.body() as grow:
        grow(2 * MAX_BYTES - 100)
        assert served.refusal(503, data=SAID, files={"photo": b"x" * 1000})[0] == "overloaded"
    assert served.http.post("/feedback", json=SAID).status_code == 201


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"no photo", 415, "unsupported_image_type"),
        (photo()[:300], 422, "unreadable_image"),
        (photo(2000, 1000), 413, "too_many_pixels"),
    ],
)
def test_a_photo_that_cannot_be_kept_has_a_code(served, sent, status, code):
    assert served.refusal(status, data=SAID, files={"photo": sent[:MAX_BYTES]})[0] == code


def test_a_photo_of_another_answer_is_refused(served):
    served.recorder.image_sha256 = "0" * 64

    assert served.refusal(422, data=SAID, files={"photo": photo()})[0] == "photo_refused"


def test_where_no_photos_are_kept_one_is_refused_and_not_silently_dropped():
    served = Served(photos=False)

    code, detail = served.refusal(422, data=SAID, files={"photo": photo()})

    assert (code, detail) == ("photo_refused", "no photos are kept here: send this without one")


def test_an_id_that_nobody_was_given_is_not_known(served):
    assert served.refusal(404, json=SAID | {"id": "another"})[0] == "unknown_prediction"
    for unknown in ("another", "x" * 65, "%00", "a%0A", "%2e%2e"):
        answer = served.http.delete(f"/feedback/{unknown}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_prediction")


def test_what_is_kept_is_deleted_on_request(served):
    answer = served.http.delete("/feedback/a-known_id")

    assert (answer.status_code, answer.content) == (204, b"")
    assert served.http.delete("/feedback/a-known_id").status_code == 404


def test_a_database_that_is_away_is_no_fault_of_the_caller(served):
    served.recorder.failure = DatabaseAway("postgresql://user:secret@host does not answer")

    for answer in (
        served.http.post("/feedback", json=SAID),
        served.http.delete("/feedback/a-known_id"),
        served.http.get("/feedback"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "feedback_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert "secret" not in answer.text


def test_a_recorder_that_never_answers_is_not_waited_for(served, monkeypatch):
    monkeypatch.setattr("sightserve.backend.feedback._PATIENCE", 0.05)
    served.recorder.silent = True

    answer = served.http.post("/feedback", json=SAID)

    assert (answer.status_code, answer.json()["code"]) == (503, "feedback_unavailable")


def test_the_summary_is_asked_for_once_in_a_while(served):
    with served.http:  # one event loop
        answers = [served.http.get("/feedback") for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json() == {"predictions": 1, "judged": 0, "right": 0, "low": None, "high": None}
    assert served.recorder.asked == 1


@pytest.mark.parametrize(
    ("agent", "source"),
    [
        (b"sightserve-page/2.0.0", "page"),
        (b"sightserve-command/2.0.0", "command"),
        (b"sightserve-client/9", "client"),
        (b"sightserve-page-2/1", "api"),
        (b"curl/8", "api"),
        (b"'; DROP TABLE prediction", "api"),
        (b"", "api"),
    ],
)
def test_who_asks_is_one_of_four(agent, source):
    assert source_of([(b"accept", b"*/*"), (b"user-agent", agent)]) == source
    assert source_of([]) == "api"
