"""NVIDIA's own client, unmodified, asks the Open Inference Protocol of the real server; then what no client would send."""

import base64
import gzip
import json
import shutil
from collections.abc import Iterator
from urllib.parse import quote

import httpx2
import numpy as np
import pytest
import tritonclient.http as triton
from tests.processes import running_backend
from tritonclient.utils import InferenceServerException

from sightserve.bundle.manifest import embedded_bundle_path

MODEL, VERSION = "efficientnet-lite2-int8", "2.0.0"
INFER = f"/v2/models/{MODEL}/infer"


def client_of(url: str) -> triton.InferenceServerClient:
    return triton.InferenceServerClient(url.removeprefix("http://"))


@pytest.fixture
def client(backend_url: str) -> Iterator[triton.InferenceServerClient]:
    with client_of(backend_url) as client:
        yield client


def photos(*files: bytes, name: str = "image") -> triton.InferInput:
    tensor = triton.InferInput(name, [len(files)], "BYTES")
    return tensor.set_data_from_numpy(np.array(files, dtype=np.object_))


def test_it_lives_and_is_ready(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, VERSION)
    assert not client.is_model_ready("another")
    assert not client.is_model_ready(MODEL, "1")


def test_what_it_says_of_itself_is_what_it_takes_and_gives(client, cat):
    metadata = client.get_model_metadata(MODEL)
    assert client.get_model_metadata(MODEL, VERSION) == metadata
    (image,) = metadata["inputs"]

    answer = client.infer(MODEL, [photos(cat, name=image["name"])])

    for output in metadata["outputs"]:
        shape = [1 if side == -1 else side for side in output["shape"]]
        assert list(answer.as_numpy(output["name"]).shape) == shape
        assert answer.get_output(output["name"])["datatype"] == output["datatype"]
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    assert [model["name"] for model in client.get_model_repository_index()] == [MODEL]
    assert client.get_model_config(MODEL, VERSION)["max_batch_size"] == 0


def test_the_first_class_is_that_of_predict_for_twenty_photos(client, backend_url, labelled_photos):
    files = [path.read_bytes() for path, _ in labelled_photos[:20]]

    answer = client.infer(MODEL, [photos(*files)], request_id="twenty")

    own = [httpx2.post(f"{backend_url}/predict?probabilities=true", content=file).json() for file in files]
    assert [label.decode() for label in answer.as_numpy("label")] == [each["prediction"] for each in own]
    ours = np.array([each["probabilities"] for each in own])
    assert np.abs(answer.as_numpy("probabilities") - ours).max() < 1e-3  # a batch may round otherwise
    assert answer.get_response()["id"] == "twenty"


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_classes_with_their_scores(client, cat, espresso, binary, compression):
    wanted = [triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=3)]

    answer = client.infer(
        MODEL,
        [photos(cat, espresso)],
        model_version=VERSION,
        outputs=wanted,
        request_compression_algorithm=compression,
        response_compression_algorithm=compression,
    )

    rows = answer.as_numpy("probabilities")
    assert rows.shape == (2, 3)
    first = [row[0].decode() if binary else row[0] for row in rows]
    score, index, label = first[1].split(":", 2)
    assert (label, index, float(score) > 0.9) == ("espresso", "967", True)
    assert "cat" in first[0]


def test_more_classes_than_there_are_are_all_of_them(client, cat):
    wanted = [triton.InferRequestedOutput("probabilities", class_count=100_000)]

    assert client.infer(MODEL, [photos(cat)], outputs=wanted).as_numpy("probabilities").shape == (1, 1000)


def test_a_photo_in_json_is_base64(client, espresso):
    tensor = triton.InferInput("image", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[base64.b64encode(espresso)]], dtype=np.object_), binary_data=False)

    answer = client.infer(MODEL, [tensor], outputs=[triton.InferRequestedOutput("label", binary_data=False)])

    assert list(answer.as_numpy("label")) == ["espresso"]


def test_requests_side_by_side(client, cat, espresso):
    files = [cat, espresso] * 4

    with_answers = [client.async_infer(MODEL, [photos(file)]) for file in files]

    labels = [each.get_result().as_numpy("label")[0].decode() for each in with_answers]
    assert labels[1::2] == ["espresso"] * 4
    assert len({*labels[::2]}) == 1


def test_curl_sends_a_photo_as_it_is(backend_url, espresso):
    answer = httpx2.post(backend_url + INFER, content=espresso, headers={"inference-header-content-length": "0"})

    assert answer.json()["outputs"][1]["data"] == ["espresso"]


@pytest.mark.parametrize(
    ("name", "version", "files", "status", "words"),
    [
        ("another", "", [b""], "404", f"no model 'another' here, but '{MODEL}'"),
        (MODEL, "1", [b""], "404", "no version '1'"),
        (MODEL, "", [b"no image"], "415", "not an image"),
        (MODEL, "", [b"\xff\xd8\xff\xe0 cut off"], "422", "JPEG"),
        (MODEL, "", [b""] * 65, "413", "65 photos"),
    ],
)
def test_errors_have_the_clients_words(client, name, version, files, status, words):
    with pytest.raises(InferenceServerException, match=words) as caught:
        client.infer(name, [photos(*files)], model_version=version)

    assert caught.value.status() == status


def test_of_several_photos_the_one_that_is_none_is_named(client, cat):
    with pytest.raises(InferenceServerException, match="element 1 of image: this is not an image"):
        client.infer(MODEL, [photos(cat, b"no image", cat)])


def test_pixels_are_refused_with_the_reason(client):
    tensor = triton.InferInput("image", [1, 8, 8, 3], "UINT8").set_data_from_numpy(np.zeros((1, 8, 8, 3), np.uint8))

    with pytest.raises(InferenceServerException, match="resizing and normalising it are the server's work"):
        client.infer(MODEL, [tensor])


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.get_inference_statistics(MODEL),
        lambda c: c.get_inference_statistics(),
        lambda c: c.load_model(MODEL),
        lambda c: c.get_log_settings(),
        lambda c: c.get_system_shared_memory_status(),
    ],
)
def test_what_is_not_here_says_so(client, ask):
    with pytest.raises(InferenceServerException, match=" here") as caught:
        ask(client)

    assert caught.value.status() == "404"


@pytest.mark.slow
def test_a_name_with_slashes_and_blanks_is_one(tmp_path, cat):
    """As the Hub's names have them; and versions are called as Triton's are, where their author does."""
    directory = tmp_path / "bundle"
    shutil.copytree(embedded_bundle_path("fast"), directory)
    manifest = json.loads((directory / "manifest.json").read_text())
    name = "acme/fine apples/ü"
    (directory / "manifest.json").write_text(json.dumps(manifest | {"name": name, "version": "1"}))

    with (
        running_backend(tmp_path / "log", "--cpus", "1", "--model", str(directory)) as backend,
        client_of(backend.url) as client,
    ):
        assert client.is_model_ready(name, "1")
        assert client.get_model_metadata(name, "1")["name"] == name
        answer = client.infer(name, [photos(cat)], model_version="1")
        hugging_face = httpx2.post(f"{backend.url}/hf/models/{quote(name, safe='')}", content=cat)

    assert answer.get_response()["model_name"] == name
    assert answer.as_numpy("label")[0].decode() == hugging_face.json()[0]["label"]


@pytest.mark.slow
def test_a_key_and_a_limit_are_told_in_its_words(tmp_path, cat):
    with (
        running_backend(
            tmp_path / "log", SIGHTSERVE_API_KEYS="k" * 16, SIGHTSERVE_MAX_UPLOAD_BYTES="100000"
        ) as backend,
        client_of(backend.url) as client,
    ):
        assert client.is_server_ready()  # as probes ask, without a key
        with pytest.raises(InferenceServerException, match="send your API key"):
            client.infer(MODEL, [photos(cat)])
        key = {"Authorization": f"Bearer {'k' * 16}"}
        assert client.infer(MODEL, [photos(cat)], headers=dict(key)).as_numpy("label").shape == (1,)
        for compression in (None, "gzip"):
            with pytest.raises(InferenceServerException, match="larger than 100,000 bytes"):
                client.infer(
                    MODEL, [photos(bytes(500_000))], headers=dict(key), request_compression_algorithm=compression
                )


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"inference-header-content-length": "-1"}, 400),
        (b"{}", {"inference-header-content-length": "3"}, 400),
        (b"", {}, 400),
        (b"[" * 200_000, {}, 400),
        (b"[[]," * 2_000_000, {}, 400),
        (gzip.compress(bytes(200 * 2**20)), {"content-encoding": "gzip"}, 413),
        (b"{}", {"content-encoding": "gzip"}, 400),
        (b"{}", {"content-encoding": "br"}, 415),
    ],
    ids=["negative", "longer", "empty", "deep", "wide", "bomb", "no gzip", "brotli"],
)
def test_attacks_get_an_answer_in_the_protocol(backend_url, content, headers, status):
    answer = httpx2.post(backend_url + INFER, content=content, headers=headers, timeout=30)

    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert answer.headers["content-type"] == "application/json"


def test_its_own_deadline_counts(backend_url, cat):
    """A microsecond is over before a slot can start; `timeout` is in microseconds, as Triton has it."""
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [base64.b64encode(cat).decode()]}

    answer = httpx2.post(backend_url + INFER, content=json.dumps({"parameters": {"timeout": 1}, "inputs": [tensor]}))

    assert answer.status_code in {503, 504}


def test_metrics_have_templates_and_no_names_that_strangers_typed(backend_url):
    httpx2.post(f"{backend_url}/v2/models/typed-by-a-stranger/infer", content=b"{}")

    text = httpx2.get(f"{backend_url}/metrics").text

    assert "typed-by-a-stranger" not in text
    assert 'method="POST",route="/v2/models/{name:path}/infer",status="404"' in text
