"""The Photo page's samples: photos for who has none at hand, the model's own where it brings some."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st

from sightserve.client import InvalidAnswer
from sightserve.frontend.shared import backend
from sightserve.frontend.shared.backend import Facts
from sightserve.frontend.shared.photos import Photo
from sightserve.frontend.shared.preview import Pictures, pictures

_FOLDER: Final = Path(__file__).parents[1] / "samples"
_KNOWS_THEM: Final = {"Egyptian cat", "espresso"}  # labels of a model that our samples are for


@dataclass(frozen=True, slots=True)
class Sample:
    """A photo that ships with the app."""

    slug: str
    title: str
    alt: str

    @property
    def path(self) -> Path:
        """Where it lies in the package."""
        return _FOLDER / f"{self.slug}.jpg"

    def load(self) -> Photo:
        """Return the photo, read from the package."""
        return Photo(self.path.name, self.path.read_bytes())

    @property
    def address(self) -> str:
        """Where a browser gets it, and keeps it: another photo has another address."""
        return f"own/{self.slug}.{_digest(self.path)}.jpg"

    @property
    def card(self) -> str:
        """The same for a small one."""
        return f"own/{self.slug}-small.{_digest(self.path)}.jpg"

    def small(self) -> bytes:
        """Return a small one."""
        photo = self.path.read_bytes()
        made = pictures(photo)
        return made.thumbnail if isinstance(made, Pictures) else photo


SAMPLES: Final = (
    Sample("cat", "Cat", "A tabby cat's face from close by"),
    Sample("espresso", "Coffee", "A cup of espresso on a saucer"),
    Sample("panda", "Panda", "A giant panda on a rock"),
    Sample("mountains", "Mountains", "A path over a meadow to rocky mountains with snow"),
    Sample("paintbrushes", "Paintbrushes", "Paintbrushes full of blue, pink and yellow paint"),
    # what people should see too: it says so when it does not know
    Sample("coins", "Something it does not know", "Rows of ancient coins"),
)


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def served() -> dict[str, Callable[[], bytes]]:
    """Return what the app serves of them, by its address."""
    whole = {sample.address: sample.path.read_bytes for sample in SAMPLES}
    return whole | {sample.card: sample.small for sample in SAMPLES}


@dataclass(frozen=True, slots=True)
class ModelSample:
    """A photo that a model brings."""

    slug: str
    title: str
    alt: str
    path: str
    model: str

    def load(self) -> Photo:
        """Return the photo, asked for once. Raises ClientError."""
        return Photo(f"{self.slug}.jpg", _of_model(self.path, self.model))


@st.cache_resource(show_spinner=False, ttl=3600.0, max_entries=24)
def _of_model(path: str, model: str) -> bytes:
    if not path.startswith("/model/samples/"):  # behind the backend's address it could name another host
        raise InvalidAnswer("the backend names a sample in a place that is not its own")
    place = backend.whereabouts()
    return backend.client(place.url, place.identified).sample(path)


def samples_of(facts: Facts | None) -> list[Sample | ModelSample]:
    """Return the samples for a model; none for one that brings none and does not know what is on ours."""
    if facts is None:
        return list(SAMPLES)
    if facts.model.samples:
        return [
            ModelSample(f"model-{number}", sample.title, sample.alt or sample.title, sample.path, facts.model.sha256)
            for number, sample in enumerate(facts.model.samples)
        ]
    return list(SAMPLES) if set(facts.model.labels) >= _KNOWS_THEM else []


def sample(slug: str, facts: Facts | None) -> Sample | ModelSample | None:
    """Return the sample of this name, which may come from a stranger's link."""
    return next((entry for entry in samples_of(facts) if entry.slug == slug), None)
