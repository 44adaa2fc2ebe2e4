"""write -> [a bundle, as a slot would run it, in this process] -> verify."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.build import load, model_files, setup_of
from sightserve.backend.errors import BackendError
from sightserve.backend.job import Job
from sightserve.backend.settings import Settings
from sightserve.backend.slot.assemble import assemble
from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import input_geometry
from sightserve.models.errors import NotVerified


class Served:
    """A bundle's data path: a photo's bytes to probabilities.

    Attributes:
        classes: how many there are.
    """

    def __init__(self, directory: Path) -> None:
        """Load it.

        Raises:
            NotVerified: it cannot be loaded, or gives no probabilities.
        """
        settings = Settings(model=str(directory), threads_when_alone=1)
        try:
            bundle = load(settings)
            setup = setup_of(settings, bundle)
            self._pipeline, _ = assemble(setup, model_files(bundle))
        except BackendError as exc:
            raise NotVerified(str(exc)) from exc
        self.classes = len(bundle.labels)
        self._decoder = Decoder(
            input_geometry(setup.input),
            setup.input["interpolation"],
            setup.max_pixels,
            exact=True,
            antialias=setup.input["antialias"],
        )

    def __call__(self, photo: bytes) -> NDArray[np.float32]:
        """Return the probabilities of a photo's classes, (classes,).

        Raises:
            NotVerified: there are none.
        """
        row: NDArray[np.float32] = self.together([photo])[0]
        return row

    def together(self, photos: Sequence[bytes]) -> NDArray[np.float32]:
        """Return those of several photos that go through the network together, (photos, classes).

        Raises:
            NotVerified: there are none.
        """
        jobs = [Job(photo, top_k=1, probabilities=True) for photo in photos]
        answers = []
        for outcome in self._pipeline.execute(jobs, [0.0] * len(jobs), alone=False):
            if isinstance(outcome, BackendError):
                raise NotVerified(f"the bundle fails on a photo: {outcome}")
            answers.append(json.loads(outcome.body)["probabilities"])
        return np.array(answers, dtype=np.float32)

    def pixels(self, photo: bytes) -> NDArray[np.uint8]:
        """Return what the network gets of a photo, (1, height, width, 3)."""
        return self._decoder.decode(photo).pixels[None]
