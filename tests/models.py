"""Small ONNX models, written byte by byte: what a protocol buffer is, and no more of it than they need (onnx.proto)."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

_UINT8, _FLOAT, _INT64, _EXTERNAL = 2, 1, 7, 1


def field(number: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def number(field_number: int, value: int) -> bytes:
    return _varint(field_number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    made = b""
    while value > 127:
        made += bytes([value & 127 | 128])
        value >>= 7
    return made + bytes([value])


def _node(kind: str, inputs: list[str], output: str, *attributes: bytes) -> bytes:
    body = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)
    return field(1, body + b"".join(field(5, attribute) for attribute in attributes))


def _integer(name: str, value: int) -> bytes:
    return field(1, name) + number(20, 2) + number(3, value)


def _tensor(name: str, kind: int, shape: list[int | str]) -> bytes:
    sizes = b"".join(field(1, field(2, size) if isinstance(size, str) else number(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, number(1, kind) + field(2, sizes)))


def with_external_data(
    location: str, side: int = 4, classes: int = 3, activation: str = "Softmax"
) -> tuple[bytes, bytes]:
    """Return (graph, weights) of a model that keeps its weights in the file `location`: photos of (side, side, 3).

    The answer is always the last class: all weights are 0, but for those of this class, which are 1.
    """
    weights = struct.pack(f"<{classes}f", *[0.0] * (classes - 1), 1.0) * (side * side * 3)
    entries = {"location": location, "offset": "0", "length": str(len(weights))}
    external = b"".join(field(13, field(1, key) + field(2, value)) for key, value in entries.items())
    initializer = number(1, side * side * 3) + number(1, classes) + number(2, _FLOAT) + field(8, "w") + external
    graph = (
        _node("Cast", ["photos"], "numbers", _integer("to", _FLOAT))
        + _node("Flatten", ["numbers"], "flat")
        + _node("MatMul", ["flat", "w"], "scores")
        + _node(activation, ["scores"], "probabilities", *([_integer("axis", 1)] if activation == "Softmax" else []))
        + field(2, "g")
        + field(5, initializer + number(14, _EXTERNAL))
        + field(11, _tensor("photos", _UINT8, ["N", side, side, 3]))
        + field(12, _tensor("probabilities", _FLOAT, ["N", classes]))
    )
    return number(1, 9) + field(7, graph) + field(8, field(1, "") + number(2, 17)), weights


def write_bundle(
    directory: Path, location: str = "weights.bin", activation: str = "Softmax", photo: bytes = b"", **changes: Any
) -> Path:
    """Write a bundle whose model keeps its weights beside the graph.

    `changes` replace top-level keys of its manifest, which is of format 2 where there are any; a `photo` is its sample.
    """
    graph, weights = with_external_data(location, activation=activation)
    labels = b"first\nsecond\nlast\n"
    directory.mkdir(parents=True)
    for name, content in {"model.onnx": graph, location: weights, "labels.txt": labels}.items():
        (directory / name).write_bytes(content)

    def ref(name: str, content: bytes) -> dict[str, str]:
        return {"file": name, "sha256": hashlib.sha256(content).hexdigest()}

    manifest: dict[str, Any] = {
        "format": 1,
        "name": "always-last",
        "version": "1",
        "description": "says the last class",
        "model": ref("model.onnx", graph),
        "external_data": [ref(location, weights)],
        "labels": ref("labels.txt", labels),
        "classes": 3,
        "input": {"height": 4, "width": 4, "crop": 1.0, "interpolation": "bilinear"},
        "source": "tests",
        "license": "MIT",
    }
    if changes or photo:
        fit = {"fit": "squash", "height": 4, "width": 4, "interpolation": "bilinear"}
        manifest |= {"format": 2, "input": fit} | changes
    if photo:
        (directory / "sample.jpg").write_bytes(photo)
        manifest["page"] = {
            "title": "Last",
            "question": "Which one?",
            "samples": [{"title": "One", "photo": ref("sample.jpg", photo)}],
        }
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory
