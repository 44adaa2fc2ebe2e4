"""Where the model looked: over HTTP, through the client, on the command line."""

import io
import json
import subprocess
import sys

import httpx2
import numpy as np
import pytest
from PIL import Image
from tests.conftest import SAMPLES
from tests.models import write_bundle
from tests.processes import clean_environment, running_backend

from sightserve.api.schema import HeatMap, Prediction
from sightserve.client import ApiError, Client


@pytest.fixture
def http(backend_url):
    with httpx2.Client(base_url=backend_url, timeout=30) as client:
        yield client


def tall(photo: bytes, end: str) -> bytes:
    """A picture of 9:16 with the photo at an end, as a phone makes one."""
    with Image.open(io.BytesIO(photo)) as image:
        whole = Image.new("RGB", (image.width, round(image.width * 16 / 9)), "grey")
        whole.paste(image, (0, 0 if end == "top" else whole.height - image.height))
    buffer = io.BytesIO()
    whole.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def heat_map(response: httpx2.Response) -> HeatMap:
    assert response.status_code == 200, response.text
    found = Prediction.model_validate_json(response.content).heat_map
    assert found is not None
    assert len(found.values) == found.rows
    assert {len(row) for row in found.values} == {found.columns}
    return found


def test_nobody_gets_one_who_does_not_ask(http, cat):
    assert http.post("/predict", content=cat).json()["heat_map"] is None


def test_it_is_of_the_first_class_and_has_the_photos_shape(http, espresso):
    response = http.post("/predict?heat_map=true", content=espresso)

    found, answer = heat_map(response), response.json()
    assert (found.method, found.label) == ("class_activation", answer["prediction"])
    # 600 x 400 pixels become 384 x 256, of which every 32 are one cell
    assert (found.rows, found.columns) == (8, 12)
    assert found.box.model_dump() == {"left": 0, "top": 0, "width": 1, "height": 1}


@pytest.mark.parametrize("end", ["top", "bottom"])
def test_of_a_tall_photo_whose_subject_lies_at_an_end_the_answer_is_right_and_the_heat_is_there(http, espresso, end):
    response = http.post("/predict?heat_map=true", content=tall(espresso, end))

    found = heat_map(response)
    assert response.json()["prediction"] == "espresso"
    hottest = np.array(found.values).sum(axis=1).argmax() / found.rows
    assert hottest < 0.6 if end == "top" else hottest > 0.4
    course = http.post("/classify/", files={"file": tall(espresso, end)}).json()
    assert course["prediction"] == "espresso"


def test_its_sum_is_the_logit_so_that_two_classes_compare_as_their_probabilities_do(http, cat):
    names = [entry["label"] for entry in http.post("/predict", content=cat).json()["top_k"][:2]]

    sums = [np.sum(heat_map(http.post("/predict", params={"heat_map_of": name}, content=cat)).values) for name in names]

    probabilities = http.post("/predict", content=cat).json()["top_k"]
    temperature = http.get("/model").json()["calibration"]["temperature"]
    apart = np.log(probabilities[0]["probability"] / probabilities[1]["probability"]) * temperature
    assert sums[0] - sums[1] == pytest.approx(apart, abs=0.05)


@pytest.mark.parametrize("name", ["espresso", "967"])
def test_it_may_be_of_another_class_by_its_label_or_its_index(http, cat, name):
    found = heat_map(http.post("/predict", params={"heat_map_of": name}, content=cat))

    assert (found.label, found.index) == ("espresso", 967)


@pytest.mark.parametrize("name", ["no such thing", "1000", "-1", "", "9" * 400, "²"])
def test_a_class_that_does_not_exist_is_a_clear_error(http, cat, name):
    response = http.post("/predict", params={"heat_map_of": name}, content=cat)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_parameter")
    assert "heat_map_of" in response.json()["detail"]


def test_each_photo_of_a_batch_has_its_own(http, cat, espresso):
    files = [("file", ("cat.jpg", cat)), ("file", ("no.jpg", b"no photo")), ("file", ("cup.jpg", espresso))]

    first, second, third = http.post("/predict/batch?heat_map=true", files=files).json()["results"]

    assert second["error"]["code"] == "unsupported_image_type"
    assert first["result"]["heat_map"]["label"] == first["result"]["prediction"]
    assert third["result"]["heat_map"]["label"] == "espresso"


def test_of_a_panorama_it_covers_the_middle_that_was_looked_at(http):
    buffer = io.BytesIO()
    Image.effect_noise((1000, 200), 80).convert("RGB").save(buffer, "PNG")

    found = heat_map(http.post("/predict?heat_map=true", content=buffer.getvalue()))

    # of 5:1 three fifths
    assert (found.box.left, found.box.width) == pytest.approx((0.2, 0.6))
    assert (found.rows, found.columns) == (8, 24)


def test_the_client_has_it_typed(backend_url, cat):
    with Client(backend_url) as client:
        found = client.predict(cat, heat_map=True).heat_map
        other = client.predict(cat, heat_map_of="espresso").heat_map
        assert client.predict(cat).heat_map is None
        with pytest.raises(ApiError, match="heat_map_of"):
            client.predict(cat, heat_map_of="no such thing")

    assert found is not None
    assert other is not None
    assert (found.method, other.label) == ("class_activation", "espresso")


def classify(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sightserve", "classify", *words]
    return subprocess.run(command, capture_output=True, check=False, text=True, timeout=60, env=clean_environment())


@pytest.mark.parametrize("through", ["this process", "the backend"])
def test_the_command_line_writes_a_picture_for_each_photo(tmp_path, backend_url, through):
    where = ["--backend", backend_url] if through == "the backend" else []
    second = tmp_path / "CAT.jpg"  # the same name as another, on many file systems
    second.write_bytes((SAMPLES / "espresso.jpg").read_bytes())
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(second.read_bytes()[:2000])

    run = classify(*where, str(SAMPLES / "cat.jpg"), str(second), str(broken), "--heat-map", str(tmp_path / "maps"))

    assert run.returncode == 1  # one of them is damaged
    written = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert len(written) == 2
    assert sorted(name.casefold() for name in written) == ["cat.jpg-2.png", "cat.jpg.png"]
    for path in (tmp_path / "maps").iterdir():
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"), dtype=int)
        assert (pixels[:, :, 0] - pixels[:, :, 2]).max() > 60  # warm somewhere


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_done(tmp_path):
    (tmp_path / "file").write_text("")

    run = classify(str(SAMPLES / "cat.jpg"), "--heat-map", str(tmp_path / "file" / "maps"))

    assert (run.returncode, run.stdout) == (2, "")
    assert "Traceback" not in run.stderr


@pytest.fixture(scope="module")
def other_backend(tmp_path_factory, cat):
    """A model that gives no features, whose labels do not exclude each other, with a sample of its own."""
    directory = tmp_path_factory.mktemp("other")
    bundle = write_bundle(directory / "model", activation="Sigmoid", photo=cat, output={"meaning": "independent"})
    with running_backend(directory / "log", "--cpus", "1", "--model", str(bundle)) as running:
        yield running.url


def test_a_model_without_features_is_asked_by_covering_parts_of_the_photo(other_backend, cat):
    found = heat_map(httpx2.post(f"{other_backend}/predict?heat_map=true", content=cat, timeout=30))

    assert (found.method, found.label) == ("occlusion", "last")
    assert found.rows >= 3
    assert httpx2.get(f"{other_backend}/model").json()["heat_map"] == "occlusion"


def test_labels_that_do_not_exclude_each_other_are_said_to_be_such(other_backend, cat):
    answer = httpx2.post(f"{other_backend}/predict", content=cat).json()

    assert answer["model"]["outputs"] == "independent"
    # a bright photo, all weights 1 for the last label and 0 for the others: sigmoid(0) is a half
    assert [entry["probability"] for entry in answer["top_k"]] == pytest.approx([1, 0.5, 0.5])


def test_what_a_manifest_says_for_the_page_is_told_and_its_samples_are_served(other_backend, cat):
    told = httpx2.get(f"{other_backend}/model").json()

    assert (told["title"], told["question"]) == ("Last", "Which one?")
    (sample,) = told["samples"]
    served = httpx2.get(other_backend + sample["path"])
    assert (served.content, served.headers["content-type"]) == (cat, "image/jpeg")
    missing = httpx2.get(f"{other_backend}/model/samples/1")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("activation", ["Identity", "Sigmoid"])
def test_a_model_whose_outputs_are_no_probabilities_of_one_class_does_not_start(tmp_path, activation):
    """It would be ready, and answer nobody, or say things that sum to 2."""
    bundle = write_bundle(tmp_path / "model", activation=activation, output={"meaning": "exclusive"})

    run = classify("--model", str(bundle), str(SAMPLES / "cat.jpg"))

    assert run.returncode == 2
    assert "its probabilities sum to" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_smaller_embedded_model_goes_by_its_name():
    run = classify("--model", "fast", "--json", str(SAMPLES / "espresso.jpg"))

    answer = json.loads(run.stdout)
    assert answer["model"]["name"] == "efficientnet-lite0-int8"
    assert answer["prediction"] == "espresso"
