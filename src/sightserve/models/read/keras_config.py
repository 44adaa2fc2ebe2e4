"""A Keras file's own description of its network -> [what may be loaded, what its numbers are], without Keras.

Pure: a Keras file's layers are named in JSON, and a name may be code: a Lambda layer, or a class of any module that Keras
would import (CVE-2025-1550).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sightserve.models.source import Outputs

_OWN: Final = ("keras", "tf_keras", "builtins")
_SCALING: Final = frozenset({"Rescaling", "Normalization"})
_ACTIVATIONS: Final[dict[str, Outputs]] = {
    "softmax": "probabilities",
    "sigmoid": "independent_probabilities",
    "linear": "logits",
}
_DEEPEST: Final = 64


def foreign(config: object) -> str | None:
    """Return what a network needs that is not Keras' own, for people; None where it needs no such thing."""
    for each in _objects(config):
        name = each.get("class_name")
        if name in {"Lambda", "__lambda__"} or "__lambda__" in each:
            return "a Lambda layer, which is Python code"
        module = each.get("module")
        if isinstance(module, str) and module and module.partition(".")[0] not in _OWN:
            return f"{module}.{name}, which is not Keras' own"
        registered = each.get("registered_name")
        if isinstance(registered, str) and ">" in registered and not registered.startswith(("keras", "builtins")):
            return f"{registered}, which is a class of its author's"
    return None


def scales_itself(config: object) -> str | None:
    """Return the layer that scales channel values inside the network, so that it takes 0 to 255; None where there is none."""
    return next((str(each["class_name"]) for each in _objects(config) if each.get("class_name") in _SCALING), None)


def outputs_of(config: object) -> Outputs | None:
    """Return what the last layer gives; None where its activation does not tell."""
    layer = _last(config)
    if layer is None:
        return None
    if layer.get("class_name") == "Softmax":
        return "probabilities"
    settings = layer.get("config")
    activation = settings.get("activation") if isinstance(settings, Mapping) else None
    if isinstance(activation, Mapping):  # as newer files write it
        inner = activation.get("config")
        activation = activation.get("class_name") if not isinstance(inner, str) else inner
    return _ACTIVATIONS.get(str(activation).lower())


def _last(config: object, depth: int = 0) -> Mapping[str, Any] | None:
    if not isinstance(config, Mapping) or depth > _DEEPEST:
        return None
    settings = config.get("config")
    layers = settings.get("layers") if isinstance(settings, Mapping) else None
    if isinstance(layers, list) and layers:
        return _last(layers[-1], depth + 1)
    return config


def _objects(content: object) -> Iterator[Mapping[str, Any]]:
    """Return every JSON object inside, without recursion: a file may nest as deep as it likes."""
    waiting = [content]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            yield each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
