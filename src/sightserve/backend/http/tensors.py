"""The tensors of the Open Inference Protocol v2 over HTTP, as JSON and in its binary extension: bytes in, bytes out, no I/O.

https://github.com/kserve/open-inference-protocol and Triton's extensions `binary_tensor_data` and `classification`. A photo is
one element of the input, of datatype BYTES, with the file as it is: JPEG, PNG and so on.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sightserve.api.schema import Prediction
from sightserve.backend.errors import MalformedRequest, TooManyFiles
from sightserve.backend.http.json_bodies import parsed, photo_in
from sightserve.backend.http.protocols import InferAnswer, OutputTensor

INPUT: Final = "image"
PROBABILITIES: Final = "probabilities"
LABEL: Final = "label"
_LENGTH: Final = struct.Struct("<I")  # before each element of datatype BYTES
_MOST_DIGITS: Final = 9

Name = Annotated[str, Field(max_length=1024)]


class _Sent(BaseModel):
    model_config = ConfigDict(strict=True)


class _InputParameters(_Sent):
    binary_data_size: Annotated[int, Field(ge=0)] | None = None
    shared_memory_region: str | None = None


class _Input(_Sent):
    name: Name
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=8)]
    datatype: Name
    parameters: _InputParameters = _InputParameters()
    data: list[Any] | None = None


class _OutputParameters(_Sent):
    binary_data: bool | None = None
    classification: Annotated[int, Field(ge=0)] = 0
    shared_memory_region: str | None = None


class _Output(_Sent):
    name: Name
    parameters: _OutputParameters = _OutputParameters()


class _RequestParameters(_Sent):
    binary_data_output: bool = False
    timeout: Annotated[int, Field(ge=0, description="microseconds; 0: none")] = 0


class _Request(_Sent):
    id: Name | None = None
    parameters: _RequestParameters = _RequestParameters()
    inputs: Annotated[list[_Input], Field(min_length=1)]
    outputs: list[_Output] = []


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that is asked for.

    Attributes:
        name: of it.
        binary: whether its data are to come as bytes.
        classes: of the probabilities, how many to name, most probable first; 0: all, as numbers.
    """

    name: str
    binary: bool = False
    classes: int = 0


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What is asked.

    Attributes:
        photos: encoded images.
        outputs: that are wanted of them.
        id: which the answer repeats.
        timeout: seconds that its sender waits.
    """

    photos: list[bytes]
    outputs: tuple[Wanted, ...] = (Wanted(PROBABILITIES), Wanted(LABEL))
    id: str | None = None
    timeout: float = math.inf


def read_request(body: bytes, header_length: str | None, max_photos: int) -> InferRequest:
    """Return what a body asks.

    Args:
        body: JSON, and behind it the binary data of its input.
        header_length: the header `Inference-Header-Content-Length`: how many bytes of it are the JSON; None: all. 0: it is one
            photo and nothing else (Triton's "raw binary request").
        max_photos: in one request.

    Raises:
        MalformedRequest: it is not what the protocol says, or asks for what is not here.
        TooManyFiles: more than `max_photos`.
    """
    length = _header_length(header_length, len(body))
    if length == 0:
        return InferRequest([_raw(body)])
    try:
        sent = _Request.model_validate(parsed(body[:length]))
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedRequest(f"{where[:200]}: {first['msg']}") from exc
    if len(sent.inputs) > 1 or sent.inputs[0].name != INPUT:
        raise MalformedRequest(f"the model has one input, {INPUT!r}: send that and no other")
    photos = _photos(sent.inputs[0], body[length:], max_photos)
    outputs = _outputs(sent.outputs, binary=sent.parameters.binary_data_output)
    timeout = sent.parameters.timeout / 1e6 if sent.parameters.timeout else math.inf
    return InferRequest(photos, outputs, sent.id, timeout)


def write_answer(asked: InferRequest, predictions: Sequence[Prediction]) -> tuple[bytes, int | None]:
    """Return the body of an answer and, where it has binary data, how many of its bytes are the JSON before them.

    Args:
        asked: what was.
        predictions: one for each photo, of one model.
    """
    outputs: list[OutputTensor] = []
    behind: list[bytes] = []
    for wanted in asked.outputs:
        datatype, shape, values = _values(wanted, predictions)
        if not wanted.binary:
            outputs.append(OutputTensor(name=wanted.name, datatype=datatype, shape=shape, data=values))
            continue
        data = struct.pack(f"<{len(values)}f", *values) if datatype == "FP32" else packed(values)
        size = {"binary_data_size": len(data)}
        outputs.append(OutputTensor(name=wanted.name, datatype=datatype, shape=shape, parameters=size))
        behind.append(data)
    model = predictions[0].model
    answer = InferAnswer(model_name=model.name, model_version=model.version, id=asked.id, outputs=outputs)
    head = answer.model_dump_json(exclude_none=True).encode()
    return b"".join([head, *behind]), len(head) if behind else None


def packed(texts: Sequence[str]) -> bytes:
    """Return elements of datatype BYTES: each its length in four bytes, and itself."""
    return b"".join(_LENGTH.pack(len(each)) + each for each in (text.encode() for text in texts))


def _values(wanted: Wanted, predictions: Sequence[Prediction]) -> tuple[str, list[int], list[Any]]:
    """Return an output's datatype, shape and elements, row by row."""
    count = len(predictions)
    if wanted.name == LABEL:
        return "BYTES", [count], [each.prediction for each in predictions]
    if wanted.classes:
        ranked = [each.top_k[: wanted.classes] for each in predictions]
        words = [f"{one.probability:f}:{one.index}:{one.label}" for each in ranked for one in each]
        return "BYTES", [count, len(words) // count], words
    rows = [each.probabilities or [] for each in predictions]
    return "FP32", [count, len(rows[0])], [value for row in rows for value in row]


def _header_length(said: str | None, whole: int) -> int:
    if said is None:
        return whole
    if not (said.isascii() and said.isdecimal() and len(said) <= _MOST_DIGITS and int(said) <= whole):
        raise MalformedRequest(
            f"Inference-Header-Content-Length is {said[:50]!r}: it must be a number of bytes, no more than the body's {whole:,}"
        )
    return int(said)


def _photos(tensor: _Input, behind: bytes, max_photos: int) -> list[bytes]:
    if tensor.datatype != "BYTES":
        raise MalformedRequest(
            f"{INPUT} is of datatype {tensor.datatype[:50]!r}, not BYTES: send each photo as its encoded file (JPEG, PNG), "
            "each in one element, because resizing and normalising it are the server's work"
        )
    if not tensor.shape or len(tensor.shape) > 2 or tensor.shape[1:] not in ([], [1]):  # noqa: PLR2004
        raise MalformedRequest(f"{INPUT} has the shape {tensor.shape}: it must be [N] or [N, 1], for N photos")
    count = tensor.shape[0]
    if count > max_photos:
        raise TooManyFiles(f"the request has {count:,} photos; the limit is {max_photos}")
    if tensor.parameters.shared_memory_region is not None:
        raise MalformedRequest("there is no shared memory with this server: send the photos in the request")
    size = tensor.parameters.binary_data_size
    if size is None:
        if behind:
            raise MalformedRequest(f"{len(behind):,} bytes follow the JSON, and no input says that they are its own")
        photos = [photo_in(each, f"{INPUT}.data[{n}]") for n, each in enumerate(_flat(tensor.data or []))]
    elif tensor.data is not None:
        raise MalformedRequest(f"{INPUT} has both data and a binary_data_size: one of them is enough")
    elif size != len(behind):
        raise MalformedRequest(f"binary_data_size is {size:,}, but {len(behind):,} bytes follow the JSON")
    else:
        photos = unpacked(behind, max_photos)
    if not photos or len(photos) != count:
        raise MalformedRequest(
            f"{INPUT} has the shape {tensor.shape} and {len(photos)} elements: one a photo, at least one"
        )
    return photos


def unpacked(data: bytes, most: int) -> list[bytes]:
    """Return elements of datatype BYTES, at most one more than `most`.

    Raises:
        MalformedRequest: a length says more than there is.
    """
    elements: list[bytes] = []
    position = 0
    while position < len(data) and len(elements) <= most:
        start = position + _LENGTH.size
        length = int.from_bytes(data[position:start], "little")
        if start > len(data) or length > len(data) - start:
            raise MalformedRequest(
                f"{INPUT}: the length of element {len(elements)} says more than the bytes that follow"
            )
        position = start + length
        elements.append(data[start:position])
    return elements


def _raw(body: bytes) -> bytes:
    """Return the only photo, whether or not its length stands before it: no image begins with that."""
    if not body:
        raise MalformedRequest("the body is empty: send a photo, or JSON with one")
    counted = len(body) > _LENGTH.size and _LENGTH.unpack_from(body)[0] == len(body) - _LENGTH.size
    return body[_LENGTH.size :] if counted else body


def _flat(data: list[Any]) -> list[Any]:
    """Return the elements of [N] or [N, 1], which may be written flat or in rows."""
    return [each for row in data for each in (row if isinstance(row, list) else [row])]


def _outputs(sent: Sequence[_Output], *, binary: bool) -> tuple[Wanted, ...]:
    if not sent:
        return (Wanted(PROBABILITIES, binary), Wanted(LABEL, binary))
    names = [output.name for output in sent]
    if unknown := sorted({*names} - {PROBABILITIES, LABEL}):
        raise MalformedRequest(f"the model has no output {unknown[0]!r}: it has {PROBABILITIES!r} and {LABEL!r}")
    if len({*names}) < len(names):
        raise MalformedRequest("an output is asked for twice")
    for output in sent:
        if output.parameters.shared_memory_region is not None:
            raise MalformedRequest("there is no shared memory with this server: outputs come in the answer")
        if output.parameters.classification and output.name == LABEL:
            raise MalformedRequest(f"classification is for {PROBABILITIES!r}: {LABEL!r} is a class already")
    return tuple(
        Wanted(
            output.name,
            binary if output.parameters.binary_data is None else output.parameters.binary_data,
            output.parameters.classification,
        )
        for output in sent
    )
