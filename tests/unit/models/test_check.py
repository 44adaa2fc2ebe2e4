"""`check` on bundles that are sound or broken in one way, in real slots."""

import io

import numpy as np
import onnx
import pytest
from PIL import Image
from tests import networks

from sightserve.bundle.errors import BundleCorruptError, BundleNotFoundError
from sightserve.models import check as checking
from sightserve.models.check import check
from sightserve.models.errors import NotVerified


@pytest.fixture(autouse=True)
def briefly(monkeypatch):
    monkeypatch.setattr(checking, "_LOAD_SECONDS", 0.1)
    monkeypatch.setenv("SIGHTSERVE_CPUS", "1")


def jpeg(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "JPEG")
    return buffer.getvalue()


PHOTOS = [jpeg((250, 10, 10)), jpeg((10, 250, 10)), jpeg((10, 10, 250))]


def test_a_sound_bundle_passes_on_the_photos_that_ship_with_sightserve(tmp_path, capfd):
    found = check(networks.write(tmp_path / "colours"), seconds=0.2)

    assert (found.name, found.classes, found.slots, found.own) == ("colours", 3, 1, False)
    assert found.photos >= 12
    assert found.warnings == ()
    assert found.photos_per_second > 0
    assert 0 < found.median_seconds < found.start_seconds
    if found.memory is not None:
        assert found.memory.private > 10 * 2**20  # of a process with an interpreter and ONNX Runtime
    assert capfd.readouterr() == ("", "")


def test_it_runs_as_many_slots_as_the_server_would(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTSERVE_CPUS", "2")

    assert check(networks.write(tmp_path / "colours"), PHOTOS, seconds=0.2).slots == 2


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("logits", "put softmax into the graph"),
        ("nan", "no numbers"),
        ("sigmoid", "say in the manifest's output that they are independent"),
        ("over_batch", "depend on the other photos of a batch"),
    ],
)
def test_what_gives_no_probabilities_is_refused(tmp_path, ending, words):
    directory = networks.write(tmp_path / "broken", model=networks.network(ending=ending))

    with pytest.raises(NotVerified, match=words):
        check(directory, PHOTOS, seconds=0.2)


def test_what_fails_on_photos_alone_is_refused(tmp_path):
    """The pictures that a slot starts with are none of these: what they do not show, photos do."""
    model = networks.network()
    poisoned = onnx.helper.make_node("Log", ["shade"], ["broken"])
    for node in model.graph.node:  # the logarithm of what is negative for a photo that is redder than 240 of 255
        node.input[:] = ["broken" if name == "logits" else name for name in node.input]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([240.0 / 8], np.float32), "bound"))
    place = next(at for at, node in enumerate(model.graph.node) if "logits" in node.output) + 1
    model.graph.node.insert(place, onnx.helper.make_node("Sub", ["bound", "logits"], ["shade"]))
    model.graph.node.insert(place + 1, poisoned)
    directory = networks.write(tmp_path / "poisoned", model=model)

    with pytest.raises(NotVerified, match=r"the model fails on photo 1: .*NaN"):
        check(directory, PHOTOS, seconds=0.2)


def test_the_same_answer_to_every_photo_is_pointed_out(tmp_path):
    found = check(networks.write(tmp_path / "constant", model=networks.network(ending="constant")), PHOTOS, seconds=0.2)

    assert any("same of every photo" in warning for warning in found.warnings)


def test_a_model_that_takes_one_photo_at_a_time_is_given_one(tmp_path):
    directory = networks.write(tmp_path / "single", model=networks.network(batch=1), max_batch=1)

    found = check(directory, PHOTOS, seconds=0.2)

    assert (found.photos, found.warnings) == (3, ())


def test_a_photo_that_cannot_be_read_is_left_out_and_named(tmp_path):
    found = check(networks.write(tmp_path / "colours"), [*PHOTOS, b"no photo"], seconds=0.2)

    assert found.photos == 3
    assert any(warning.startswith("photo 4 is left out:") for warning in found.warnings)


@pytest.mark.parametrize("photos", [[], [b"", b"\xff\xd8\xff no photo"]])
def test_no_photo_at_all_proves_nothing(tmp_path, photos):
    with pytest.raises(NotVerified, match="none of the photos can be read"):
        check(networks.write(tmp_path / "colours"), photos, seconds=0.2)


def test_a_damaged_bundle_is_refused_before_anything_runs(tmp_path):
    directory = networks.write(tmp_path / "colours")
    (directory / "labels.txt").write_text("red\ngreen\nviolet\n")

    with pytest.raises(BundleCorruptError, match=r"labels\.txt"):
        check(directory, seconds=0.2)
    with pytest.raises(BundleNotFoundError):
        check(tmp_path / "nothing", seconds=0.2)
