"""Weights beside a graph: which tensors they are, and an engine that works on them where they lie."""

import mmap

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.networks import SIDE, network, write

from sightserve.backend.errors import ModelLoadError
from sightserve.backend.slot.engine import PROBABILITIES
from sightserve.backend.slot.onnx_engine import OnnxEngine
from sightserve.backend.slot.onnx_weights import weights_beside

PHOTOS = np.random.default_rng(2).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)
FILE = "model.onnx.data"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, bytes]]:
    """A graph and the file with its large weights: four tensors of 4 MB, and small ones."""
    folder = write(tmp_path_factory.mktemp("weights") / "heavy", model=network(blocks=4), outside=True)
    return (folder / "model.onnx").read_bytes(), {FILE: (folder / FILE).read_bytes()}


def test_large_tensors_are_found_as_onnx_finds_them(outside):
    graph, files = outside

    found = weights_beside(graph, files)

    model = onnx.load_model_from_string(graph)
    large = {t.name for t in model.graph.initializer if np.prod(t.dims) * 4 >= 64 * 1024}
    assert set(found) == large == {f"square{n}" for n in range(4)}
    for name, view in found.items():
        assert view.shape == (1024, 1024)
        assert view.dtype == np.float32
        assert not view.flags.owndata
        assert np.array_equal(view[:3], np.eye(3, 1024)), name


def test_an_engine_on_shared_weights_says_the_same(outside):
    graph, files = outside

    shared = OnnxEngine(graph, files, size=(SIDE, SIDE), classes=3, share=True)
    copied = OnnxEngine(graph, files, size=(SIDE, SIDE), classes=3)

    np.testing.assert_allclose(
        shared.infer(PHOTOS)[PROBABILITIES], copied.infer(PHOTOS)[PROBABILITIES], rtol=1e-4, atol=1e-6
    )


def test_so_does_one_whose_weights_are_mapped_read_only(outside, tmp_path):
    graph, files = outside
    (tmp_path / "weights").write_bytes(files[FILE])
    with (tmp_path / "weights").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    engine = OnnxEngine(graph, {FILE: mapped}, size=(SIDE, SIDE), classes=3, share=True)

    assert engine.infer(PHOTOS)[PROBABILITIES].shape == (3, 3)


def changed(graph: bytes, key: str, value: str) -> bytes:
    """The graph with something else said of where its weights are."""
    model = onnx.load_model_from_string(graph)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == key:
                entry.value = value
    made: bytes = model.SerializeToString()
    return made


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("offset", "3"),
        ("offset", "-4096"),
        ("offset", "99999999999"),
        ("offset", "here"),
        ("length", "12"),
        ("location", "../model.onnx.data"),
        ("location", "elsewhere"),
    ],
)
def test_what_is_not_in_the_files_is_no_view_and_onnx_runtime_says_what_is_wrong(outside, key, value):
    graph, files = outside
    broken = changed(graph, key, value)

    assert weights_beside(broken, files) == {}
    if value != "3":
        with pytest.raises(ModelLoadError, match="cannot load the model"):
            OnnxEngine(broken, files, size=(SIDE, SIDE), classes=3, share=True)


@pytest.mark.parametrize("cut", [1, 7, 100, 1000])
def test_what_is_no_graph_has_no_weights(outside, cut):
    graph, files = outside

    assert weights_beside(graph[:-cut], files) in ({}, weights_beside(graph, files))
    assert weights_beside(b"\xff" * cut, files) == {}
    assert weights_beside(b"", files) == {}


def test_onnx_runtime_keeps_no_second_copy_of_the_graph():
    """`_model_bytes` is its own name, see docs/decisions/internals.md: where it is another, large models take twice as much."""
    made = OnnxEngine(network().SerializeToString(), size=(SIDE, SIDE), classes=3)

    session = made._session
    assert isinstance(session, onnxruntime.InferenceSession)
    assert vars(session)["_model_bytes"] is None
    assert "_model_bytes" in vars(onnxruntime.InferenceSession(network().SerializeToString()))
