"""The bodies of the Open Inference Protocol: what they say, and what they claim."""

import base64
import json
import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightserve.api.schema import ImageInfo, ModelRef, Prediction, RankedLabel, Timing
from sightserve.backend.errors import MalformedRequest, RequestError, TooManyFiles
from sightserve.backend.http.tensors import InferRequest, Wanted, packed, read_request, unpacked, write_answer

PHOTO = b"\xff\xd8 not read here"


def body_of(**other: object) -> tuple[bytes, str]:
    """A request with one photo behind the JSON, and the length of its JSON."""
    data = struct.pack("<I", len(PHOTO)) + PHOTO
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [tensor | other]}).encode()
    return head + data, str(len(head))


def in_json(**other: object) -> bytes:
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [base64.b64encode(PHOTO).decode()]}
    return json.dumps({"inputs": [tensor | other]}).encode()


def prediction(first: str, *probabilities: float) -> Prediction:
    ranked = [RankedLabel(index=n, label=f"{first}{n}", probability=p) for n, p in enumerate(probabilities)]
    return Prediction(
        prediction=first,
        probability=probabilities[0],
        top_k=ranked,
        probabilities=list(probabilities),
        model=ModelRef(name="m", version="3"),
        image=ImageInfo(width=1, height=1, format="JPEG"),
        timing_ms=Timing(queue=0, decode=0, inference=0),
    )


def test_a_photo_behind_the_json_and_both_outputs_where_none_is_named():
    assert read_request(*body_of(), max_photos=4) == InferRequest([PHOTO])


@pytest.mark.parametrize(
    "data",
    [
        [base64.b64encode(PHOTO).decode()],
        [[base64.b64encode(PHOTO).decode()]],
        [{"b64": base64.b64encode(PHOTO).decode()}],
        ["data:image/jpeg;base64," + base64.encodebytes(PHOTO).decode()],
    ],
)
def test_a_photo_in_the_json_is_base64_in_the_ways_that_people_write_it(data):
    assert read_request(in_json(data=data), None, max_photos=4).photos == [PHOTO]


@pytest.mark.parametrize("body", [PHOTO, struct.pack("<I", len(PHOTO)) + PHOTO])
def test_a_header_length_of_zero_is_one_photo_and_nothing_else(body):
    assert read_request(body, "0", max_photos=4).photos == [PHOTO]


def test_what_is_asked_of_outputs_and_of_time():
    head = {
        "id": "a",
        "parameters": {"binary_data_output": True, "timeout": 250_000, "priority": 3},
        "inputs": json.loads(in_json())["inputs"],
        "outputs": [
            {"name": "probabilities", "parameters": {"classification": 3}},
            {"name": "label", "parameters": {"binary_data": False}},
        ],
    }

    asked = read_request(json.dumps(head).encode(), None, max_photos=4)

    assert asked.outputs == (Wanted("probabilities", binary=True, classes=3), Wanted("label"))
    assert (asked.id, asked.timeout) == ("a", 0.25)


def test_an_answer_has_its_binary_data_behind_the_json_in_the_order_of_the_outputs():
    wanted = (Wanted("label", binary=True), Wanted("probabilities", binary=True))
    asked = InferRequest([b"", b""], wanted, "a")

    content, length = write_answer(asked, [prediction("x", 0.75, 0.25), prediction("ü", 0.5, 0.5)])

    head = json.loads(content[:length])
    # 4 + 1 byte of "x" and 4 + 2 of "ü"; two rows of two floats of four bytes
    assert [(o["name"], o["shape"], o["parameters"]) for o in head["outputs"]] == [
        ("label", [2], {"binary_data_size": 11}),
        ("probabilities", [2, 2], {"binary_data_size": 16}),
    ]
    assert unpacked(content[length:][:11], 2) == [b"x", "ü".encode()]
    assert struct.unpack("<4f", content[length:][11:]) == (0.75, 0.25, 0.5, 0.5)
    assert (head["model_name"], head["model_version"], head["id"]) == ("m", "3", "a")


def test_classes_are_written_as_triton_writes_them():
    asked = InferRequest([b""], (Wanted("probabilities", classes=2),))

    content, length = write_answer(asked, [prediction("x", 0.75, 0.25, 0.0)])

    (output,) = json.loads(content)["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [1, 2])
    assert output["data"] == ["0.750000:0:x0", "0.250000:1:x1"]
    assert length is None


@pytest.mark.parametrize("length", ["-1", "99999999999", "1e3", "٣", " 5", "0x10", "", "9" * 5000])
def test_a_header_length_that_is_none_is_refused(length):
    with pytest.raises(MalformedRequest, match="Inference-Header-Content-Length"):
        read_request(body_of()[0], length, max_photos=4)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"shape": [10**9]}, "1,000,000,000 photos; the limit is 4"),
        ({"shape": [2]}, "2.* and 1 elements"),
        ({"shape": [0]}, "and 1 elements"),
        ({"shape": []}, "it must be"),
        ({"shape": [1, 10**9]}, "it must be"),
        ({"shape": [-1]}, "greater than or equal to 0"),
        ({"shape": [10**30]}, "photos; the limit is 4"),
        ({"shape": ["1"]}, "valid integer"),
        ({"shape": [1] * 9}, "at most 8"),
        ({"name": "pixels"}, "one input, 'image'"),
        ({"datatype": "UINT8"}, "encoded file"),
        ({"parameters": {"binary_data_size": 3}}, "binary_data_size is 3"),
        ({"parameters": {"binary_data_size": -3}}, "greater than or equal to 0"),
        ({"parameters": {}}, "no input says that they are its own"),
        ({"parameters": {"shared_memory_region": "x"}}, "no shared memory"),
        ({"data": []}, "both data and"),
    ],
)
def test_what_a_tensor_claims_is_checked(other, words):
    with pytest.raises((MalformedRequest, TooManyFiles), match=words):
        read_request(*body_of(**other), max_photos=4)


@pytest.mark.parametrize(
    "data", [[5], [None], ["!!!!"], ["ÿ"], [[["a"]]], ["http://example.com/cat.jpg"], [], "text", [{}]]
)
def test_json_that_has_no_photos_is_refused(data):
    with pytest.raises(MalformedRequest):
        read_request(in_json(data=data), None, max_photos=4)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff" + PHOTO,  # 4 GB
        b"\x00",
        b"\x05\x00\x00\x00",
        struct.pack("<I", 2) + b"ab" + b"\x01",
    ],
)
def test_a_length_that_lies_is_refused(data):
    with pytest.raises(MalformedRequest, match="more than the bytes that follow"):
        unpacked(data, 4)


def test_no_more_elements_are_unpacked_than_were_announced():
    assert len(unpacked(bytes(4_000_000), 4)) == 5


@pytest.mark.parametrize(
    "outputs", [[{"name": "logits"}], [{"name": "label"}] * 2, [{"name": "label", "parameters": {"classification": 1}}]]
)
def test_outputs_that_there_are_not_are_refused(outputs):
    head = json.loads(in_json()) | {"outputs": outputs}

    with pytest.raises(MalformedRequest):
        read_request(json.dumps(head).encode(), None, max_photos=4)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 5000,
        b'{"a":' * 5000,
        b'{"inputs":' + b"[[],{}," * 1_000_000,
        b'{"inputs": [1e999]}',
        b'{"inputs": NaN}',
        b"\xff\xfe{}",
        b"null",
        b"{}",
        b"",
        b"9" * 100_000,
        b'{"inputs": [null]}',
        b'{"id": 5, "inputs": []}',
    ],
)
def test_json_that_is_an_attack_or_nothing_is_refused(content):
    with pytest.raises(MalformedRequest):
        read_request(content, None, max_photos=4)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_damaged_requests_are_read_or_refused_and_nothing_else_happens(data):
    body, length = bytearray(body_of()[0]), body_of()[1]
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))

    with suppress(RequestError):
        read_request(bytes(body[:cut]), data.draw(st.sampled_from([length, None, str(cut)])), max_photos=4)


def test_packed_elements_come_back():
    assert unpacked(packed(["a", "", "ü"]), 3) == [b"a", b"", "ü".encode()]
