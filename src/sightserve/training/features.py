"""dataset -> [what the network says of each photo before its last layer] -> head."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.training.dataset import Example

VIEWS: Final = ("mirror", "crop", "light")  # ways to look at a photo anew: of each, another row of features


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A photo that cannot be learned from, and why, in words."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Features:
    """What there is of those photos that could be read.

    Attributes:
        examples: the photos, in the dataset's order.
        vectors: float32 (N, D): exactly what the network's last layer gets.
        hashes: uint64 (N,): perceptual, of the photo as the network sees it: near-duplicates differ in few bits.
        digests: sha256 of each file, hexadecimal.
        left_out: photos that could not be read.
        views: by a name of VIEWS, the same as `vectors` for each photo seen that way.
    """

    examples: tuple[Example, ...]
    vectors: NDArray[np.float32]
    hashes: NDArray[np.uint64]
    digests: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    views: dict[str, NDArray[np.float32]] = field(default_factory=dict)
