"""Photos that are drawn, and what training tells of itself."""

from pathlib import Path

import numpy as np
from PIL import Image

from sightserve.training.dataset import Dataset, Example


class Told:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def step(self, words: str, done: int = 0, of: int = 0) -> None:
        self.steps.append((done, of))

    def note(self, words: str) -> None:
        raise AssertionError(words)


def scene(number: int, size: int = 96) -> Image.Image:
    """A picture of large soft shapes, another for each number."""
    random = np.random.default_rng(number)
    coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)


def photo(path: Path, number: int = 0, colour: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (Image.new("RGB", (32, 32), colour) if colour else scene(number)).save(path)
    return path


def dataset(folder: Path, labels: dict[str, str]) -> Dataset:
    """Files of a folder, by name, and their labels."""
    examples = [Example(folder / name, label, name) for name, label in labels.items()]
    made = tuple(sorted(examples, key=lambda each: (each.label, each.name)))
    return Dataset(made, tuple(sorted(set(labels.values()))))
