"""Which of a graph's weights lie in files beside it, and where: as much of onnx.proto as that takes.

ONNX Runtime copies what it is handed as a file. What it is handed tensor by tensor it uses where it lies, which may be
pages that all slots share; for that, each has to be named.
"""

import math
from collections.abc import Iterator, Mapping
from mmap import mmap
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Content = bytes | mmap

# Fields of ModelProto, GraphProto, TensorProto and StringStringEntryProto; TensorProto.DataType as NumPy has it.
_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 8, 13, 14
_KEY, _VALUE = 1, 2
_TYPES: Final = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16,
    11: np.float64, 12: np.uint32, 13: np.uint64,
}  # fmt: skip
# Wire types.
_VARINT, _BYTES = 0, 2
_FIXED: Final = {1: 8, 5: 4}  # bytes
_LARGE: Final = 64 * 2**10  # bytes: many small ones are not worth it


def weights_beside(graph: Content, external: Mapping[str, Content]) -> dict[str, NDArray[Any]]:
    """Return the large tensors that lie in these files, by name, as views of the files.

    What is not as it should be is left out: ONNX Runtime, which gets all of it too, says better what is wrong.
    """
    found: dict[str, NDArray[Any]] = {}
    try:
        for number, value in _fields(memoryview(graph)):
            if number != _GRAPH or isinstance(value, int):
                continue
            for inner, tensor in _fields(value):
                if inner == _INITIALIZER and isinstance(tensor, memoryview):
                    found |= _view(tensor, external)
    except ValueError:
        return {}
    return found


def _view(tensor: memoryview, external: Mapping[str, Content]) -> dict[str, NDArray[Any]]:
    shape: list[int] = []
    kind = location = 0
    name, place = "", dict[str, str]()
    for number, value in _fields(tensor):
        if isinstance(value, int):
            if number == _DIMS:
                shape.append(value)
            elif number == _DATA_TYPE:
                kind = value
            elif number == _DATA_LOCATION:
                location = value
        elif number == _DIMS:  # packed, as the proto says that they may be
            shape += _varints(value)
        elif number == _NAME:
            name = _text(value)
        elif number == _EXTERNAL_DATA:
            entry = {key: _text(part) for key, part in _fields(value) if isinstance(part, memoryview)}
            place[entry.get(_KEY, "")] = entry.get(_VALUE, "")
    content, dtype = external.get(place.get("location", "")), _TYPES.get(kind)
    if not location or content is None or dtype is None:
        return {}
    count, start = math.prod(shape), int(place.get("offset") or 0)
    size, itemsize = count * np.dtype(dtype).itemsize, np.dtype(dtype).itemsize
    is_there = 0 <= start <= len(content) - size and int(place.get("length") or size) == size
    if size < _LARGE or start % itemsize or not is_there:
        return {}
    return {name: np.frombuffer(content, dtype, count, start).reshape(shape)}


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and value of each field of a message.

    Raises:
        ValueError: it is none.
    """
    at, end = 0, len(content)
    while at < end:
        tag, at = _varint(content, at)
        wire = tag & 7
        if wire == _VARINT:
            value, at = _varint(content, at)
            yield tag >> 3, value
            continue
        if wire == _BYTES:
            size, at = _varint(content, at)
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            raise ValueError(f"no field is of type {wire}")
        if at + size > end:
            raise ValueError("a field ends behind its message")
        yield tag >> 3, content[at : at + size]
        at += size


def _varints(content: memoryview) -> Iterator[int]:
    at = 0
    while at < len(content):
        value, at = _varint(content, at)
        yield value


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(content) or shift > 63:  # noqa: PLR2004 - of 64 bits
            raise ValueError("a number does not end")
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:  # noqa: PLR2004 - the last of its bytes
            return value, at


def _text(content: memoryview) -> str:
    return bytes(content).decode()
