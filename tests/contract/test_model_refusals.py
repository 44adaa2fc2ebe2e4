"""Models that would fail for everybody never become ready; those that take one photo at a time are served as such."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx2
import onnx
import pytest
from tests.networks import COLOURS, network, write
from tests.processes import clean_environment, free_port, running_backend

pytestmark = pytest.mark.slow  # starts servers


def refusal(bundle: str, **environment: str) -> str:
    """What a server says that ends at its start."""
    words = [sys.executable, "-m", "sightserve", "serve", "--port", str(free_port()), "--model", bundle]
    ended = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=60, env=clean_environment(**environment)
    )
    assert ended.returncode == 1, ended.stderr
    assert "serving on" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize(
    ("ending", "changes", "words"),
    [
        ("logits", {}, "put softmax into the graph"),
        ("logits", {"output": {"meaning": "independent"}}, "softmax or sigmoid belongs in the graph"),
        ("sigmoid", {}, "say in the manifest's output that they are independent"),
        ("nan", {}, "no numbers (NaN)"),
        ("over_batch", {}, "depend on the other photos of a batch"),
    ],
)
def test_a_model_that_does_not_work_is_never_ready(tmp_path, ending, changes, words):
    bundle = write(tmp_path / "broken", model=network(ending=ending), **changes)

    assert words in refusal(str(bundle))
    if ending != "over_batch":  # what the calibration alone would have seen
        assert words in refusal(str(bundle), SIGHTSERVE_CALIBRATE="false")


def test_a_fixed_batch_that_the_manifest_does_not_know_of_is_refused_in_words(tmp_path):
    bundle = write(tmp_path / "one", model=network(batch=1))

    said = refusal(str(bundle))

    assert "takes exactly 1 photo at once" in said
    assert "max_batch: 1" in said
    assert "ONNXRuntime" not in said


def test_a_model_that_says_the_same_of_everything_is_served_and_logged(tmp_path, espresso):
    bundle = write(tmp_path / "same", model=network(ending="constant"))

    with running_backend(tmp_path / "log", "--model", str(bundle), "--cpus", "1") as backend:
        assert httpx2.post(f"{backend.url}/predict", content=espresso).status_code == 200

    assert (tmp_path / "log").read_text().count("the same of all pictures") == 1


def test_a_model_that_takes_one_photo_at_a_time_is_served(tmp_path, espresso, cat):
    """Under load, in batches of requests, and for heat maps, which cover many parts of one photo."""
    model = network(batch=1)
    onnx.checker.check_model(model)
    bundle = write(tmp_path / "one", model=model, max_batch=1)

    with (
        running_backend(
            tmp_path / "log", "--model", str(bundle), "--cpus", "1",
            SIGHTSERVE_BATCH_SIZE="8", SIGHTSERVE_BATCH_WAIT_MS="20",
        ) as backend,
        httpx2.Client(base_url=backend.url) as client,
        ThreadPoolExecutor(16) as pool,
    ):  # fmt: skip
        found = list(pool.map(lambda n: client.post("/predict", content=(espresso, cat)[n % 2]), range(64)))
        heat_map = client.post("/predict?heat_map=true", content=espresso).json()["heat_map"]

    assert {answer.status_code for answer in found} == {200}
    assert len({answer.json()["prediction"] for answer in found}) <= len(COLOURS)
    assert heat_map["method"] == "occlusion"
    assert heat_map["rows"] * heat_map["columns"] > 8
    assert "batch_size is 8, and the model takes 1 at once" in (tmp_path / "log").read_text()
