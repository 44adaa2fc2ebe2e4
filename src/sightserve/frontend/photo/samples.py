"""The Photo page's samples: photos that ship with the app, for who has none at hand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sightserve.frontend.shared.photos import Photo

_FOLDER: Final = Path(__file__).parents[1] / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """A photo that ships with the app."""

    slug: str
    title: str
    alt: str

    def load(self) -> Photo:
        """Return the photo, read from the package."""
        path = _FOLDER / f"{self.slug}.jpg"
        return Photo(path.name, path.read_bytes())


SAMPLES: Final = (
    Sample("cat", "Cat", "A tabby cat's face from close by"),
    Sample("espresso", "Coffee", "A cup of espresso on a saucer"),
    Sample("flower", "Flower", "A pink dahlia in bloom"),
    Sample("palace", "Palace", "A palace with curved roofs on a hill"),
    Sample("rocket", "Rocket", "A rocket lifting off at night"),
)


def sample(slug: str) -> Sample | None:
    """Return the sample of this name, which may come from a stranger's link."""
    return next((entry for entry in SAMPLES if entry.slug == slug), None)
