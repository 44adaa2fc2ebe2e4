"""Model build: [real weights -> integers], so that a layer's output moves least on the photos that it has seen."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from _network import Conv

Double = NDArray[np.float64]


class Inputs:
    """Second moments of what a layer sees: in the float32 network and in the int8 one, over all photos and positions.

    Attributes:
        stored: mean of q q', q being the int8 network's inputs under a kernel: (in, in), or (channels, in, in) for
            depthwise layers, where each channel has inputs of its own.
        cross: mean of q f', f being the float32 network's inputs at the same places; the same shape.
    """

    def __init__(self, conv: Conv, real: list[torch.Tensor], stored: list[torch.Tensor]) -> None:
        count, stored_sum, cross_sum = 0, np.float64(0), np.float64(0)
        # photos by turns: the patches of all of them would be several gigabytes
        for f_planes, q_planes in zip(real, stored, strict=True):
            f, q = _patches(conv, f_planes), _patches(conv, q_planes)
            stored_sum = stored_sum + (q.mT @ q).double().numpy()
            cross_sum = cross_sum + (q.mT @ f).double().numpy()
            count += q.shape[-2]
        self.stored: Double = stored_sum / count
        self.cross: Double = cross_sum / count


def _patches(conv: Conv, inputs: torch.Tensor) -> torch.Tensor:
    """Return what each kernel application sees: (rows, in), or (channels, rows, in) for depthwise layers."""
    kernel = conv.weight.shape[2]
    if kernel == 1:
        return inputs.permute(0, 2, 3, 1).flatten(0, 2)
    top, left, bottom, right = conv.pads
    unfolded = functional.unfold(functional.pad(inputs, (left, right, top, bottom)), kernel, stride=conv.stride)
    if conv.depthwise:
        return unfolded.unflatten(1, (conv.groups, -1)).permute(1, 0, 3, 2).flatten(1, 2)
    return unfolded.permute(0, 2, 1).flatten(0, 1)


def refit(weight: Double, inputs: Inputs, damping: float) -> Double:
    """Return the real weights that make the float32 layer's output from the int8 network's inputs, by least squares.

    Args:
        weight: (out, in).
        inputs: what the layer sees.
        damping: pulls towards the original weights, in units of the inputs' mean square; against overfitting.
    """
    if inputs.stored.ndim == 2:  # noqa: PLR2004 - a matrix, not a stack of them
        pull = _ridge(inputs.stored, damping)
        solved: Double = np.linalg.solve(inputs.stored + pull, (inputs.cross + pull) @ weight.T).T
        return solved
    rows = zip(weight, inputs.stored, inputs.cross, strict=True)
    return np.stack(
        [np.linalg.solve(q + _ridge(q, damping), (f + _ridge(q, damping)) @ row) for row, q, f in rows],
    )


def round_nearest(weight: Double, scale: Double, limit: int) -> Double:
    """Return integers from -limit to limit; weight is (out, in), scale (out,)."""
    return np.clip(np.round(weight / scale[:, None]), -limit, limit)


def round_compensating(weight: Double, scale: Double, limit: int, inputs: Inputs, damping: float) -> Double:
    """Round column by column; the columns still to come make up for each one's error (the GPTQ method).

    Source: Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained transformers", 2022.
    """
    if inputs.stored.ndim == 2:  # noqa: PLR2004 - a matrix, not a stack of them
        return _compensate(weight, scale, limit, inputs.stored, damping)
    rows = zip(weight, scale, inputs.stored, strict=True)
    return np.stack([_compensate(row[None], np.array([step]), limit, q, damping)[0] for row, step, q in rows])


def _compensate(weight: Double, scale: Double, limit: int, moments: Double, damping: float) -> Double:
    order = np.argsort(-np.diag(moments), kind="stable")  # what matters most first, while all others can still give
    remaining = weight[:, order].copy()
    hessian = (moments + _ridge(moments, damping))[np.ix_(order, order)]
    factor = np.linalg.cholesky(np.linalg.inv(hessian)).T
    rounded = np.empty_like(remaining)
    for column in range(remaining.shape[1]):
        rounded[:, column] = np.clip(np.round(remaining[:, column] / scale), -limit, limit)
        error = (remaining[:, column] - rounded[:, column] * scale) / factor[column, column]
        remaining[:, column + 1 :] -= np.outer(error, factor[column, column + 1 :])
    result = np.empty_like(rounded)
    result[:, order] = rounded
    return result


def _ridge(moments: Double, damping: float) -> Double:
    # the constant keeps channels that are always zero from making the matrix singular
    return (damping * np.mean(np.diag(moments)) + 1e-9) * np.eye(len(moments))
