"""Wrong labels mixed in on purpose, among features of the embedded network: ten in several draws, none of them chosen."""

import io

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from tests.unit.training.drawn_features import learned, of_vectors

from sightserve.bundle.manifest import default_bundle_path, load_bundle
from sightserve.models.served import Served
from sightserve.training.graft import own_weights

DRAWS = 3
FIRST = 20  # mistakes that a person looks at


@pytest.fixture(scope="module")
def network():
    """A photo's bytes to what the embedded network's last layer gets."""
    base = load_bundle(default_bundle_path())
    graph = onnx.load_from_string(bytes(base.model_bytes))
    graph.graph.output.append(onnx.helper.make_tensor_value_info("pooled.real", onnx.TensorProto.FLOAT, ["N", 1280]))
    session = ort.InferenceSession(graph.SerializeToString())
    served = Served(base.directory)
    return lambda photo: session.run(["pooled.real"], {"image": served.pixels(photo)})[0][0]


def found_in_each_draw(rows, labels):
    """Of ten wrong labels, how many are among the first mistakes."""
    known = own_weights(load_bundle(default_bundle_path()))
    counts = []
    for draw in range(DRAWS):
        random = np.random.default_rng(draw)
        given = list(labels)
        wrong = random.choice(len(labels), 10, replace=False)
        for at in wrong:
            given[at] = str(random.choice([each for each in sorted(set(labels)) if each != labels[at]]))
        head = learned(of_vectors(np.array(rows), given), known=known)
        first = {mistake.name for mistake in head.mistakes[:FIRST]}
        counts.append(len(first & {f"{given[at]}/{at}.jpg" for at in wrong}))
    return counts


def png(digit):
    buffer = io.BytesIO()
    Image.fromarray((digit * (255 / 16)).astype(np.uint8)).resize((128, 128)).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.slow
def test_one_in_twelve_is_found_in_every_draw(network):
    """Handwritten digits that look alike, 40 each."""
    digits = load_digits()
    chosen = [at for digit in (3, 5, 8) for at in np.flatnonzero(digits.target == digit)[:40]]

    found = found_in_each_draw(
        [network(png(digits.images[at])) for at in chosen], [str(digits.target[at]) for at in chosen]
    )

    assert min(found) >= 8


@pytest.mark.slow
def test_one_in_four_is_found_on_average(network, labelled_photos):
    """Forty photos of things that are all different, and ten of them labelled wrongly: hardly any noise is worse."""
    kinds = {"dog": range(151, 269), "food": range(924, 970), "insect": [*range(300, 328), *range(69, 80)]}
    photos = [(path, kind) for path, index in labelled_photos for kind, members in kinds.items() if index in members]

    found = found_in_each_draw([network(path.read_bytes()) for path, _ in photos], [kind for _, kind in photos])

    assert np.mean(found) >= 8
