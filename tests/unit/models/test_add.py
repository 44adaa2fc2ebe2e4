"""Adding a model, from its file to a bundle that serves: what is in it, what is refused, and that nothing is left then."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from PIL import Image
from tests.conftest import SAMPLES
from tests.unit.models.nets import network

from sightserve.bundle.inputs import SquashInput
from sightserve.bundle.manifest import Page, load_bundle
from sightserve.models import subject
from sightserve.models.add import Added, add
from sightserve.models.errors import AddError, NetworkError, NotVerified, UnclearSource
from sightserve.models.network import look_at
from sightserve.models.read import read
from sightserve.models.source import Options
from sightserve.models.subject import Listener, Request

LABELS = ("boskoop", "elstar", "gala", "idared", "jonagold")
SQUASH: dict[str, Any] = {"fit": "squash", "values": "imagenet"}


def labels(tmp_path: Path, names: tuple[str, ...] = LABELS) -> Path:
    path = tmp_path / "said" / f"{len(names)}.txt"  # not beside the network, where it would be found by itself
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(names) + "\n")
    return path


def adding(tmp_path: Path, source: Path, *, options: dict[str, Any] | None = None, **more: Any) -> Added:
    """Add a model with nothing but what the test says, and without int8, which has tests of its own."""
    said = {"labels": labels(tmp_path)} | SQUASH | (options or {})
    request = Request(source=str(source), options=Options(**said), **{"quantise": False} | more)
    return add(request, tmp_path / "models", Listener())


def left(tmp_path: Path) -> list[str]:
    models = tmp_path / "models"
    return sorted(path.name for path in models.iterdir()) if models.is_dir() else []


def test_a_bundle_has_all_that_the_server_the_page_and_a_reader_need(tmp_path: Path) -> None:
    source = network(tmp_path / "Apples_v2.onnx", activation="Softmax")

    made = adding(
        tmp_path,
        source,
        page=Page(title="Apples", question="Which apple is it?"),
        samples=(("A cat", SAMPLES / "cat.jpg"),),
        license="MIT",
    )

    bundle = load_bundle(made.directory)
    manifest = bundle.manifest
    assert made.directory == tmp_path / "models" / "apples_v2"
    assert left(tmp_path) == ["apples_v2"]
    assert bundle.labels == LABELS
    assert bundle.samples[0] == (SAMPLES / "cat.jpg").read_bytes()
    assert (manifest.page.title, manifest.page.question, manifest.license) == ("Apples", "Which apple is it?", "MIT")
    assert manifest.input == SquashInput(fit="squash", height=32, width=32, interpolation="bilinear", decode="exact")
    assert manifest.provenance is not None
    assert manifest.provenance.same_first == 1.0
    facts = {fact.what: (fact.value, fact.source) for fact in manifest.provenance.facts}
    assert facts["labels"] == ("5: boskoop, elstar, gala, idared, ...", f"--labels {tmp_path / 'said' / '5.txt'}")
    assert facts["values"] == ("ImageNet's mean and std", "--values")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "options", "meaning", "classes"),
    [
        ({"activation": "Sigmoid"}, {}, "independent", 5),
        ({}, {"outputs": "independent_logits"}, "independent", 5),
        ({"classes": 1, "activation": "Sigmoid"}, {}, "exclusive", 2),
        ({"classes": 2}, {}, "exclusive", 2),
    ],
)
def test_what_the_numbers_mean_is_in_the_manifest(
    tmp_path: Path, net: Any, options: Any, meaning: str, classes: int
) -> None:
    names = labels(tmp_path, LABELS[:classes])

    made = adding(tmp_path, network(tmp_path / "net.onnx", **net), options=options | {"labels": names})

    assert (made.manifest.output.meaning, made.manifest.classes) == (meaning, classes)


@pytest.mark.slow
def test_labelled_photos_tell_the_accuracy_and_an_order_that_fits_better(tmp_path: Path) -> None:
    source = network(tmp_path / "net.onnx")
    first = adding(tmp_path, source)
    said = {photo: label for photo, label, _ in first.answers}
    turned = dict(zip(LABELS, reversed(LABELS), strict=True))  # somebody wrote the labels from the last to the first
    for photo, label in said.items():
        folder = tmp_path / "photos" / turned[label]
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(4):  # enough for a hint
            (folder / f"{number}_{photo}").write_bytes((SAMPLES / photo).read_bytes())

    made = adding(tmp_path, source, photos=tmp_path / "photos", replace=True)

    assert made.judged is not None
    assert made.judged.photos == 4 * len(said)
    assert made.judged.hint is not None
    assert "from the last to the first, 100%" in made.judged.hint
    assert made.manifest.accuracy is not None
    assert made.manifest.accuracy.top1 == made.judged.right


@pytest.mark.slow
def test_a_photo_that_cannot_be_read_is_named_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "good.jpg").write_bytes((SAMPLES / "cat.jpg").read_bytes())
    (tmp_path / "photos" / "bad.jpg").write_bytes(b"no photo")

    made = adding(tmp_path, network(tmp_path / "net.onnx"), photos=tmp_path / "photos")

    assert made.verification.photos == 1
    assert made.manifest.provenance is not None
    assert any("bad.jpg is left out" in note for note in made.manifest.provenance.notes)


@pytest.mark.slow
def test_a_model_of_the_same_name_stays_until_it_is_to_be_replaced(tmp_path: Path) -> None:
    adding(tmp_path, network(tmp_path / "apples.onnx"), version="1")

    with pytest.raises(AddError, match=r"apples already.*--replace"):
        adding(tmp_path, network(tmp_path / "apples.onnx"), version="2")
    replaced = adding(tmp_path, network(tmp_path / "apples.onnx"), version="3", replace=True)

    assert replaced.manifest.version == "3"
    assert left(tmp_path) == ["apples"]


@pytest.mark.parametrize(
    ("make", "options", "error", "words"),
    [
        (lambda p: network(p, nan=True), {}, NetworkError, "NaN or infinity"),
        (network, {"labels": None}, UnclearSource, r"5 classes are called.*--labels"),
        (lambda p: network(p, classes=4), {}, UnclearSource, "4 classes.* 5 labels"),
        (lambda p: network(p, free_sides=True), {"fit": None}, UnclearSource, "--size"),
        (lambda p: network(p, features=True, classes=48), {"labels": None}, UnclearSource, "--output"),
        (lambda p: network(p, dtype=TensorProto.INT32), {}, NetworkError, "float32, float16 or uint8"),
        (lambda p: (p.write_bytes(b"") and p) or p, {}, AddError, "empty"),
        (lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\noid 1\n") and p, {}, AddError, "Git LFS"),
        (lambda p: p.write_text("<!DOCTYPE html><html>Not found</html>") and p, {}, AddError, "page"),
        (lambda p: network(p).with_name("other.onnx"), {}, AddError, "no file or folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_added_is_said_and_nothing_is_left(
    tmp_path: Path, make: Any, options: Any, error: type[AddError], words: str
) -> None:
    with pytest.raises(error, match=words):
        adding(tmp_path, make(tmp_path / "net.onnx"), options=options)
    assert left(tmp_path) == []


def _mixing(path: Path) -> Path:
    """Softmax over the batch instead of the classes: alone, every photo is all of everything."""
    model = onnx.load(network(path, activation="Softmax"))
    model.graph.node[-1].attribute[0].i = 0
    onnx.save(model, path)
    return path


def test_a_network_whose_photos_influence_each_other_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AddError, match=r"together|influence|other"):
        adding(tmp_path, _mixing(tmp_path / "net.onnx"), options={"outputs": "independent_probabilities"})
    assert left(tmp_path) == []


@pytest.mark.slow
def test_what_is_not_what_its_source_is_is_refused_unless_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source's own pipeline turns photos about: what was read of it does not say so."""
    source = network(tmp_path / "net.onnx")

    def with_pipeline(*args: Any, **more: Any) -> Any:
        net = look_at(source, size=None, output=None, labels=None)

        def own(image: Image.Image) -> Any:
            turned = image.transpose(Image.Transpose.ROTATE_180).resize((32, 32), Image.Resampling.BILINEAR)
            mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
            return net(((np.asarray(turned, np.float32) - mean) / std).astype(np.float32))

        return replace(read(*args, **more), original=own)

    monkeypatch.setattr(subject, "read", with_pipeline)

    with pytest.raises(NotVerified, match=r"same first class for only .* by its own pipeline, .* here"):
        adding(tmp_path, source)
    assert left(tmp_path) == []
    forced = adding(tmp_path, source, force=True)

    assert forced.verification.same_first < 0.99
    manifest = json.loads((forced.directory / "manifest.json").read_text())
    assert manifest["provenance"]["same_first"] == forced.verification.same_first
