"""Model build: network + calibration photos -> [integer weights and ranges].

The float32 network and the int8 one advance side by side, layer by layer, so each layer's weights are chosen for the
inputs that the int8 network really gives it, and make up for the errors of the layers before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from _graph import IntLayer, Quantised, Range
from _network import INPUT_SCALE, Conv, Network, convolve, normalise
from _photos import Photos
from _rounding import Inputs, refit, round_compensating, round_nearest

BATCH = 8  # photos at a time
BINS = 4096  # of the histograms that ranges are chosen from, 16 for each of 256 integers
SIX = Range(np.float32(6 / 255), 0)  # ReLU6 as a range


@dataclass(frozen=True)
class Options:
    """What can be chosen; the defaults are what the embedded model is made with.

    Attributes:
        ranges: of tensors without ReLU6: all values ("largest"), all but the outermost 0.01 % at each end
            ("percentile"), or the range with the least mean cubed error ("error").
        weight_limit: largest integer weight. 64 uses 7 bits: AVX2 without VNNI adds two products of uint8 and int8
            in 16 bits, and only then can they not overflow. 127 uses all 8.
        rounding: of weights, each to its nearest integer or "compensating" (GPTQ).
        refit: choose real weights anew by least squares before rounding.
        correct_bias: take each channel's mean error out of the bias.
        damping: of the least squares, see `_rounding.refit`.
    """

    ranges: Literal["largest", "percentile", "error"] = "error"
    weight_limit: int = 64
    rounding: Literal["nearest", "compensating"] = "compensating"
    refit: bool = True
    correct_bias: bool = True
    damping: float = 1.0


@dataclass
class _Signal:
    """One tensor, in batches: in the float32 network, in the int8 one, and how the latter stores it."""

    real: list[torch.Tensor]
    stored: list[torch.Tensor]  # the real numbers that the stored integers stand for
    range: Range


@dataclass
class _Quantiser:
    options: Options
    layers: dict[str, IntLayer] = field(default_factory=dict)
    ranges: dict[str, Range] = field(default_factory=dict)

    def store(self, name: str, real: list[torch.Tensor], inexact: list[torch.Tensor], fixed: Range | None) -> _Signal:
        """Choose a tensor's range, unless it is fixed, and round the int8 network's values to it."""
        chosen = fixed or pick_range(real, self.options.ranges)
        self.ranges[name] = chosen
        return _Signal(real, [_round_trip(values, chosen) for values in inexact], chosen)

    def layer(self, conv: Conv, inputs: _Signal) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Quantise one layer; return its float32 and its int8 output, before the activation."""
        weight = conv.weight.reshape(len(conv.weight), -1).astype(np.float64)
        limit, damping = self.options.weight_limit, self.options.damping
        seen = None
        if self.options.refit or self.options.rounding == "compensating":
            seen = Inputs(conv, inputs.real, inputs.stored)
        if self.options.refit and seen:
            weight = refit(weight, seen, damping)
        # a channel without weights still has a bias, which must fit into 32 bits in units of this scale
        least = np.abs(conv.bias) / (inputs.range.scale * 2.0**28) + 1e-10
        scale = np.maximum(np.abs(weight).max(axis=1) / limit, least).astype(np.float32).astype(np.float64)
        if self.options.rounding == "compensating" and seen:
            integers = round_compensating(weight, scale, limit, seen, damping)
        else:
            integers = round_nearest(weight, scale, limit)
        rounded = replace(conv, weight=(integers * scale[:, None]).reshape(conv.weight.shape).astype(np.float32))

        real = [convolve(conv, batch) for batch in inputs.real]
        inexact = [convolve(rounded, batch) for batch in inputs.stored]
        step = scale * inputs.range.scale
        bias = np.round((conv.bias + self._mean_error(real, inexact)) / step)
        shift = torch.from_numpy((bias * step - conv.bias).astype(np.float32))[:, None, None]
        integers = integers.reshape(conv.weight.shape).astype(np.int8)
        self.layers[conv.name] = IntLayer(integers, scale.astype(np.float32), bias.astype(np.int32))
        return real, [batch + shift for batch in inexact]

    def _mean_error(self, real: list[torch.Tensor], inexact: list[torch.Tensor]) -> NDArray[np.float64]:
        if not self.options.correct_bias:
            return np.zeros(real[0].shape[1])
        total = sum((f - q).double().sum((0, 2, 3)) for f, q in zip(real, inexact, strict=True))
        return np.asarray(total) / sum(f[:, 0].numel() for f in real)


@torch.no_grad()
def quantise(network: Network, photos: Photos, options: Options) -> Quantised:
    """Choose ranges and integer weights with the help of calibration photos, of any shapes."""
    quantiser = _Quantiser(options)
    inputs = [normalise(pixels) for _, pixels in photos.batches(BATCH)]
    signal = _Signal(inputs, inputs, Range(np.float32(INPUT_SCALE), 0))
    added = {conv.adds for conv in network.convs}
    skipped: dict[str, _Signal] = {}
    for conv in network.convs:
        real, inexact = quantiser.layer(conv, signal)
        if conv.relu6:
            real, inexact = [batch.clamp(0, 6) for batch in real], [batch.clamp(0, 6) for batch in inexact]
        signal = quantiser.store(conv.name, real, inexact, SIX if conv.relu6 else None)
        if conv.adds:
            other = skipped[conv.adds]
            real = [a + b for a, b in zip(signal.real, other.real, strict=True)]
            inexact = [a + b for a, b in zip(signal.stored, other.stored, strict=True)]
            signal = quantiser.store(f"{conv.name}.sum", real, inexact, None)
        if conv.name in added:
            skipped[conv.name] = signal

    # From here on every photo is one row, so that the classifier is a 1 x 1 convolution over a 1 x 1 plane.
    pooled = [[batch.mean((2, 3), keepdim=True) for batch in side] for side in (signal.real, signal.stored)]
    signal = quantiser.store("pool", pooled[0], pooled[1], None)
    weight = network.classifier_weight[:, :, None, None]
    classifier = Conv("classifier", weight, network.classifier_bias, 1, (0, 0, 0, 0), 1, relu6=False)
    # 200 photos are 200 rows for 1,280 weights: too few to choose them anew
    quantiser.options = replace(options, refit=False)
    quantiser.layer(classifier, signal)
    layer = quantiser.layers["classifier"]
    quantiser.layers["classifier"] = replace(layer, weight=layer.weight[:, :, 0, 0])
    return Quantised(quantiser.layers, quantiser.ranges)


def pick_range(tensors: list[torch.Tensor], how: Literal["largest", "percentile", "error"]) -> Range:
    """Choose how a tensor is stored, so that zero is exact."""
    low = min(0.0, *(float(batch.min()) for batch in tensors))
    high = max(0.0, *(float(batch.max()) for batch in tensors))
    if how == "largest":
        return _range(low, high)
    # a histogram rather than a sample: the few values far off are what the choice is about
    counts = sum(torch.histc(batch, BINS, low, high).double() for batch in tensors)
    values = torch.linspace(low, high, 2 * BINS + 1)[1::2].double()
    if how == "percentile":
        below = np.asarray(counts.cumsum(0) / counts.sum())
        edges = np.asarray(values)[np.searchsorted(below, [0.0001, 0.9999])]
        return _range(min(0.0, float(edges[0])), max(0.0, float(edges[1])))
    fractions = np.linspace(0.3, 1, 15)
    candidates = [_range(low * a, high * b) for a in (fractions if low else [1.0]) for b in fractions]
    # cubed: clipping few values far off costs more accuracy than rounding many a little less finely
    errors = [float((counts * (_round_trip(values, candidate) - values).abs() ** 3).sum()) for candidate in candidates]
    return candidates[int(np.argmin(errors))]


def _range(low: float, high: float) -> Range:
    scale = np.float32((high - low) / 255)
    return Range(scale, int(np.clip(np.round(-low / scale), 0, 255)))


def _round_trip(values: torch.Tensor, stored: Range) -> torch.Tensor:
    scale = float(stored.scale)
    return (torch.clamp(torch.round(values / scale) + stored.zero, 0, 255) - stored.zero) * scale
