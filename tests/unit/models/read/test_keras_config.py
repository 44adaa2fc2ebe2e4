"""What a Keras file says of its network, before Keras looks at it."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sightserve.models.errors import AddError, MissingPackage, UntrustedSource
from sightserve.models.read import keras_model
from sightserve.models.read.keras_config import foreign, outputs_of, scales_itself
from sightserve.models.source import Options


def network(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "module": "keras", "config": {"name": "net", "layers": list(layers)}}


def layer(name: str, module: str = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"class_name": name, "module": module, "config": config, "registered_name": None}


def keras_file(path: Path, config: object) -> Path:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"")
    path.write_bytes(content.getvalue())
    return path


@pytest.mark.parametrize(
    ("last", "outputs"),
    [
        (layer("Dense", activation="softmax"), "probabilities"),
        (layer("Dense", activation="sigmoid"), "independent_probabilities"),
        (layer("Dense", activation="linear"), "logits"),
        (layer("Softmax"), "probabilities"),
        (layer("Activation", activation="softmax"), "probabilities"),
        (layer("Dense", activation={"class_name": "function", "config": "softmax"}), "probabilities"),
        (network(layer("Dense", activation="softmax")), "probabilities"),
        (layer("Dense", activation="tanh"), None),
    ],
)
def test_the_last_layer_says_what_the_numbers_are(last: dict[str, Any], outputs: str | None) -> None:
    assert outputs_of(network(layer("Conv2D", activation="relu"), last)) == outputs


def test_a_layer_that_scales_is_found_wherever_it_is() -> None:
    inner = network(layer("Rescaling", scale=1 / 255))

    assert scales_itself(network(inner, layer("Dense"))) == "Rescaling"
    assert scales_itself(network(layer("Dense"))) is None


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (layer("Lambda", function={"class_name": "__lambda__"}), "a Lambda layer, which is Python code"),
        (layer("Dense", activation={"class_name": "__lambda__", "config": {}}), "a Lambda layer"),
        (layer("run", module="subprocess"), "subprocess.run, which is not Keras' own"),
        (layer("Mine", module="my_layers.attention"), "my_layers.attention.Mine"),
        ({"class_name": "Mine", "module": None, "registered_name": "package>Mine", "config": {}}, "package>Mine"),
    ],
)
def test_a_file_that_needs_code_is_refused_before_keras_sees_it(
    tmp_path: Path, bad: dict[str, Any], words: str
) -> None:
    path = keras_file(tmp_path / "net.keras", network(layer("Conv2D"), network(bad)))

    with pytest.raises(UntrustedSource) as caught:
        keras_model.read(str(path), Options(), tmp_path)

    assert words in str(caught.value)


def test_a_network_nested_without_end_is_looked_through() -> None:
    config: dict[str, Any] = layer("Dense")
    for _ in range(5000):
        config = network(config)

    assert foreign(config) is None
    assert outputs_of(config) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"no file of Keras'"])
def test_what_is_no_keras_file_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.keras"
    path.write_bytes(content)

    with pytest.raises(AddError):
        keras_model.read(str(path), Options(), tmp_path)


def test_keras_is_named_where_it_is_missing(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "net.keras", network(layer("Dense")))

    with pytest.raises(MissingPackage, match="keras is not installed, which reads this: pip install keras"):
        keras_model.read(str(path), Options(), tmp_path)
