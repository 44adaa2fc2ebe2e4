"""What checkpoints hold, and how their weights get the names that an architecture gives them."""

import numpy as np
import pytest

from sightserve.models.read.state_dict import difference, fitted, head, unwrap

_WANTED = {
    "conv.weight": (8, 3, 3, 3),
    "bn.weight": (8,),
    "bn.num_batches_tracked": (),
    "fc.weight": (10, 8),
    "fc.bias": (10,),
}


def weights(changes: dict[str, tuple[int, ...]] | None = None, classes: int = 10) -> dict[str, np.ndarray]:
    shapes = _WANTED | {"fc.weight": (classes, 8), "fc.bias": (classes,)} | (changes or {})
    return {name: np.zeros(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    "content",
    [
        weights(),
        {"state_dict": weights(), "epoch": 3},
        {"model": weights(), "optimizer": {"state": {}, "param_groups": []}},
        {"model_state_dict": weights(), "loss": 0.1},
        {"model": {"state_dict": weights()}},
        {"net": weights(), "acc": 93.1, "epoch": 4},
    ],
)
def test_weights_are_found_under_the_names_that_training_loops_give_them(content: object) -> None:
    found = unwrap(content)

    assert found is not None
    assert found.tensors.keys() == _WANTED.keys()


@pytest.mark.parametrize("key", ["state_dict_ema", "model_ema", "ema"])
def test_averaged_weights_are_taken_where_there_are_any_and_it_is_said(key: str) -> None:
    found = unwrap({"state_dict": weights(classes=10), key: weights(classes=4)})

    assert found is not None
    assert found.tensors["fc.weight"].shape == (4, 8)
    assert found.notes == (f"the averaged weights ({key}) are taken",)


@pytest.mark.parametrize(
    "content", [None, 3, [], {}, {"epoch": 3}, {"state_dict": {}}, {"model": {"config": {"a": 1}}}]
)
def test_what_has_no_weights_is_none(content: object) -> None:
    assert unwrap(content) is None


def test_content_that_nests_without_end_is_none() -> None:
    content: dict[str, object] = {}
    content["model"] = content

    assert unwrap(content) is None


@pytest.mark.parametrize(
    "prefix", ["", "module.", "model.", "_orig_mod.", "module.model.", "timm_model.", "backbone.net."]
)
def test_what_wrappers_put_before_the_names_goes(prefix: str) -> None:
    wrapped = {prefix + name: each for name, each in weights().items()} | {"criterion.weight": np.zeros(10)}

    found = fitted(wrapped, _WANTED)

    assert found.keys() - {"criterion.weight"} == _WANTED.keys()
    assert difference({name: found[name] for name in _WANTED}, _WANTED, "timm:net", "fc.weight") is None


def test_the_last_layer_is_the_last_with_a_row_for_each_class() -> None:
    assert head(_WANTED, 10) == "fc.weight"
    assert head(_WANTED, 7) is None


def test_a_counter_of_batches_may_be_missing() -> None:
    old = weights()
    del old["bn.num_batches_tracked"]

    assert difference(old, _WANTED, "timm:net", "fc.weight") is None


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({f"other.{name}": each for name, each in weights().items()}, "the weights are not those of timm:net"),
        ({k: v for k, v in weights().items() if not k.startswith("fc")}, "the file has no last layer (fc.weight)"),
        (weights({"conv.weight": (16, 3, 3, 3)}), "conv.weight is 16x3x3x3 in the file and 8x3x3x3 in timm:net"),
        ({k: v for k, v in weights().items() if k != "bn.weight"}, "the file lacks bn.weight of timm:net"),
        (weights({"se.weight": (4,)}), "it has se.weight, which timm:net has not"),
    ],
)
def test_why_weights_are_not_an_architectures(tensors: dict[str, np.ndarray], words: str) -> None:
    assert words in str(difference(tensors, _WANTED, "timm:net", "fc.weight"))
