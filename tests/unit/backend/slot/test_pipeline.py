"""The data path in one process, with the embedded model."""

import json
import time
from dataclasses import replace

import pytest

from sightserve.api.schema import Prediction
from sightserve.backend.build import load, model_files, setup_of
from sightserve.backend.errors import UnreadableImage
from sightserve.backend.job import Answer, Job
from sightserve.backend.settings import Settings
from sightserve.backend.slot.assemble import assemble


@pytest.fixture(scope="module")
def pipeline():
    settings = Settings(cpus=1)
    bundle = load(settings)
    made, _ = assemble(setup_of(settings, bundle), model_files(bundle))
    return made


@pytest.mark.parametrize("filename", [None, "cat.jpg", 'a "quoted" \\ name\n', "kočka 猫 🐈.jpg"])
@pytest.mark.parametrize("probabilities", [False, True])
def test_the_answer_is_the_schemas_prediction_field_for_field(pipeline, cat, filename, probabilities):
    """The slot writes it without the schema: what the schema makes of it has to be the same bytes."""
    (answer,) = pipeline.execute([Job(cat, filename, 3, probabilities)], [0.0123], alone=False)

    prediction = Prediction.model_validate_json(answer.body)
    assert json.loads(answer.body) == prediction.model_dump(mode="json")
    assert prediction.filename == filename
    assert prediction.timing_ms.queue == pytest.approx(12.3, abs=1)  # it waited for nobody else
    assert len(prediction.top_k) == 3


@pytest.mark.parametrize(("least", "recognised"), [(None, True), (0.2, True), (0.9999, False)])
def test_an_answer_below_the_least_probability_is_of_none_of_the_classes(cat, least, recognised):
    settings = Settings(cpus=1)
    bundle = load(settings)
    setup = replace(setup_of(settings, bundle), least_probability=least)
    pipeline, _ = assemble(setup, model_files(bundle))

    answer = json.loads(pipeline.classify(Job(cat)))

    assert 0.2 < answer["probability"] < 0.9999
    assert answer["recognised"] is recognised


def test_an_image_that_cannot_be_read_does_not_spoil_its_batch(pipeline, cat):
    outcomes = pipeline.execute([Job(cat), Job(cat[:2000]), Job(cat)], [0.0, 0.0, 0.0], alone=False)

    assert [type(outcome) for outcome in outcomes] == [Answer, UnreadableImage, Answer]


def test_what_a_photo_waits_for_others_of_its_batch_is_waiting(pipeline, cat):
    """Its own work is its own decoding and its share of the one call of the model; all times together are the whole."""
    started = time.perf_counter()
    outcomes = pipeline.execute([Job(cat)] * 8, [0.0] * 8, alone=False)
    elapsed = time.perf_counter() - started

    shares = {outcome.inference for outcome in outcomes}
    assert len(shares) == 1
    assert 8 * shares.pop() + sum(outcome.decode for outcome in outcomes) <= elapsed
    wholes = [outcome.queue + outcome.decode + outcome.inference for outcome in outcomes]
    assert wholes == pytest.approx([wholes[0]] * 8)
    assert wholes[0] <= elapsed


def test_the_error_of_a_damaged_image_holds_no_pictures(pipeline, cat):
    """Others of its batch are worked on while it waits to be told: a traceback would keep what was decoded of it, and more."""
    cut, _ = pipeline.execute([Job(cat[:2000]), Job(cat)], [0.0, 0.0], alone=False)

    assert isinstance(cut, UnreadableImage)
    assert (cut.__traceback__, cut.__cause__, cut.__context__) == (None, None, None)
