"""The photos that ship with the app, and what the embedded models say of them and of nothing at all."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from tests.conftest import SAMPLES as FOLDER

from sightserve.api.schema import Kind, Prediction
from sightserve.frontend.photo.samples import SAMPLES, sample
from sightserve.frontend.shared.kinds import NOTHING, Verdict, verdict

pytest.importorskip("onnxruntime", reason="needs ONNX Runtime: pip install '.[backend]'")
from sightserve.backend.build import load, model_files, setup_of
from sightserve.backend.job import Job
from sightserve.backend.settings import Settings
from sightserve.backend.slot.assemble import assemble
from sightserve.bundle.manifest import EMBEDDED

SHOWN = {
    "cat": "Egyptian cat",
    "espresso": "espresso",
    "panda": "giant panda",
    "mountains": "alp",
    "paintbrushes": "paintbrush",
}
Say = Callable[[bytes], tuple[Prediction, Verdict]]


@pytest.fixture(scope="module", params=EMBEDDED)
def say(request: pytest.FixtureRequest) -> Say:
    """What the web app says of a photo, with the model that answers."""
    settings = Settings(cpus=1, model=request.param)
    bundle = load(settings)
    pipeline, _ = assemble(setup_of(settings, bundle), model_files(bundle))
    kinds = [Kind(name=kind.name, classes=list(kind.classes)) for kind in bundle.kinds]

    def of(photo: bytes) -> tuple[Prediction, Verdict]:
        prediction = Prediction.model_validate_json(pipeline.classify(Job(photo, top_k=20)))
        return prediction, verdict(prediction, kinds)

    return of


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def noise(grain: int, seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, size=(480 // grain, 640 // grain, 3), dtype=np.uint8)
    return coarse.repeat(grain, axis=0).repeat(grain, axis=1)


def test_a_sample_is_found_by_its_name_only():
    assert sample("cat", None) is not None
    assert sample("../cat", None) is None


def test_every_sample_is_there_as_a_photo_that_travels_light():
    for entry in SAMPLES:
        photo = entry.load()

        assert photo.name == f"{entry.slug}.jpg"
        assert photo.data.startswith(b"\xff\xd8\xff")
        assert len(photo.data) < 90_000


def test_every_sample_says_where_it_comes_from():
    sources = (FOLDER / "SOURCES.md").read_text("utf-8")

    assert {path.stem for path in FOLDER.glob("*.jpg")} == {entry.slug for entry in SAMPLES}
    assert all(f"| {entry.slug}.jpg |" in sources for entry in SAMPLES)


@pytest.mark.parametrize("slug", SHOWN)
def test_the_models_are_very_sure_of_a_sample_and_right(say, slug):
    prediction, said = say((FOLDER / f"{slug}.jpg").read_bytes())

    assert said.headline == prediction.prediction == SHOWN[slug]
    assert said.sure_words == "Very sure"


def test_one_sample_shows_what_it_says_of_something_it_does_not_know(say):
    unknown = {entry.slug for entry in SAMPLES} - SHOWN.keys()
    (entry,) = (entry for entry in SAMPLES if entry.slug in unknown)

    _, said = say(entry.load().data)

    assert entry.title == "Something it does not know"
    assert said.headline == NOTHING


@pytest.mark.parametrize(
    "pixels",
    [np.full((480, 640, 3), value) for value in (0, 128, 255)]
    + [np.full((480, 640, 3), colour) for colour in ((200, 30, 30), (40, 140, 60), (80, 140, 220))]
    + [noise(grain, seed) for grain in (1, 2, 4, 8, 16, 32) for seed in (1, 2)],
    ids=lambda pixels: f"{pixels[0, 0]}"[:12],
)
def test_a_picture_of_nothing_is_nothing_that_it_knows(say, pixels):
    prediction, said = say(png(pixels))

    assert said.headline == NOTHING, (prediction.probability, prediction.top_k[:3])
