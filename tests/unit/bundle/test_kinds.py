"""A bundle's kinds of labels: what is read, and what is refused."""

import hashlib
import json
from typing import Any

import pytest
from tests.unit.bundle.test_manifest import write_bundle

from sightserve.bundle.errors import BundleCorruptError, KindsInvalidError, ManifestInvalidError
from sightserve.bundle.manifest import EMBEDDED, embedded_bundle_path, load_bundle

WHOLE = {"fit": "whole", "shorter_side": 64, "interpolation": "bicubic"}


def with_kinds(directory, kinds):
    content = kinds if isinstance(kinds, bytes) else json.dumps(kinds).encode()
    (directory / "kinds.json").write_bytes(content)
    ref = {"file": "kinds.json", "sha256": hashlib.sha256(content).hexdigest()}
    return write_bundle(directory, format=2, input=WHOLE, kinds=ref)


def test_kinds_are_read_and_verified(tmp_path):
    directory = with_kinds(tmp_path, [{"name": "pome fruit", "classes": [0, 1]}])

    (kind,) = load_bundle(directory).kinds

    assert (kind.name, kind.classes) == ("pome fruit", (0, 1))
    (directory / "kinds.json").write_text("[]")
    with pytest.raises(BundleCorruptError, match=r"kinds\.json"):
        load_bundle(directory)


def test_a_bundle_needs_none(tmp_path):
    assert load_bundle(write_bundle(tmp_path, format=2, input=WHOLE)).kinds == ()


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        (b"no JSON", "not a list of kinds"),
        ({"name": "fruit", "classes": [0, 1]}, "not a list of kinds"),
        ([{"name": "fruit", "classes": [0]}], "at least 2"),
        ([{"name": "fruit", "classes": [0, -1]}], "greater than or equal to 0"),
        ([{"name": "fruit", "classes": [0, 999]}], "has class 999"),
        ([{"name": "fruit", "classes": [1, 1]}], "a class twice"),
        ([{"name": "", "classes": [0, 1]}], "at least 1 character"),
        ([{"name": "fr\x1b[31muit", "classes": [0, 1]}], "printable"),
        ([{"name": "fruit ", "classes": [0, 1]}], "no space"),
        ([{"name": "fruit", "classes": [0, 1]}] * 2, "two kinds of one name"),
        ([{"name": "fruit", "classes": [0, 1], "colour": "red"}], "colour"),
    ],
)
def test_kinds_that_do_not_fit_the_model_are_refused(tmp_path, kinds, why):
    with pytest.raises(KindsInvalidError, match=why):
        load_bundle(with_kinds(tmp_path, kinds))


@pytest.mark.parametrize("least", [{"least_standout": 5}, {"least_probability": 0.5}])
def test_labels_that_do_not_compete_have_no_least_standout_or_probability(tmp_path, least):
    wrong: dict[str, Any] = {"output": {"meaning": "independent"}, "calibration": {"temperature": 1, **least}}

    with pytest.raises(ManifestInvalidError, match=next(iter(least))):
        load_bundle(write_bundle(tmp_path, format=2, input=WHOLE, **wrong))


@pytest.mark.parametrize("model", EMBEDDED)
def test_the_embedded_models_know_what_their_labels_are_kinds_of(model):
    bundle = load_bundle(embedded_bundle_path(model))
    kinds = {kind.name: {bundle.labels[index] for index in kind.classes} for kind in bundle.kinds}

    assert kinds["cat"] == {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"}
    assert kinds["cat"] < kinds["animal of the cat family"] < kinds["animal"]
    assert {"boxer", "beagle", "dalmatian"} < kinds["dog"]
    assert {"violin", "drum", "grand piano"} < kinds["musical instrument"]
    assert 60 <= len(kinds) <= 150
