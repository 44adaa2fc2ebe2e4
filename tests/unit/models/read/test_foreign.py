"""Files that others made and use: what is read of them is what stands in them, and nothing else."""

from pathlib import Path

import pytest
from tests import foreign

from sightserve.models.errors import SourceError
from sightserve.models.read import pickles, read
from sightserve.models.read.graph import load
from sightserve.models.source import Options, Reading


def reading(path: Path, workspace: Path) -> Reading:
    return read(str(path), Options(), workspace)


def test_page_orientation_has_its_labels_in_its_metadata(tmp_path: Path) -> None:
    found = reading(foreign.page_orientation(), tmp_path)

    assert found.kind == "ONNX file, exported from PaddlePaddle"
    assert found.labels == (("0", "90", "180", "270"), "character in the file's metadata")
    assert (found.input, found.scale, found.channels, found.outputs) == (None, None, None, None)
    assert (load(found.graph).size, load(found.graph).batch, load(found.graph).classes()) == ((224, 224), None, 4)


def test_text_direction_says_only_how_many_classes_it_has(tmp_path: Path) -> None:
    found = reading(foreign.text_direction(), tmp_path)

    assert found.kind == "ONNX file, exported from PaddlePaddle"
    assert (found.labels, found.input) == (None, None)
    assert (load(found.graph).size, load(found.graph).classes()) == (None, 2)


def test_open_nsfw_is_seen_to_be_nhwc(tmp_path: Path) -> None:
    found = reading(foreign.open_nsfw(), tmp_path)

    assert (found.kind, found.name) == ("ONNX file, exported from TensorFlow", "open-nsfw")
    assert found.labels is None
    assert (load(found.graph).size, load(found.graph).classes()) == ((224, 224), 2)


def test_a_recogniser_of_text_is_no_classifier(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gives softmax_11.tmp_0 \(\?, \?, 6625\), and a classifier gives"):
        reading(foreign.text_recogniser(), tmp_path)


def test_a_state_dict_is_let_pass_to_pytorch(tmp_path: Path) -> None:
    assert pickles.foreign_classes(foreign.efficientnet_lite0()) == ()
    assert pickles.read(str(foreign.efficientnet_lite0()), Options(), tmp_path) is None
