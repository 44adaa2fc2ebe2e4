"""The data path, from top to bottom: an image's bytes in, its ranked labels out."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightserve.backend import errors
from sightserve.backend.errors import BackendError
from sightserve.backend.job import Answer, Job, Setup
from sightserve.backend.slot.calibration import calibrated
from sightserve.backend.slot.engine import FEATURES, PROBABILITIES, ClassMap, Engine
from sightserve.backend.slot.heat_map import as_answer, occlusion
from sightserve.backend.slot.ranking import standout
from sightserve.backend.slot.ranking import top_k as rank
from sightserve.backend.slot.room import NoRoom, Room
from sightserve.imaging import errors as imaging
from sightserve.imaging.decode import DecodedImage, Decoder

Pixels = NDArray[np.uint8]

_LONGEST_OCCLUSION: Final = 2.0  # seconds, whoever is patient: it takes a slot away from others

# What imaging says of a file, as the data path says it.
_ERRORS: Final = {
    imaging.UnsupportedImageType: errors.UnsupportedImageType,
    imaging.TooManyPixels: errors.TooManyPixels,
    imaging.UnreadableImage: errors.UnreadableImage,
}


class Pipeline:
    """Classifies images with one model. Runs wherever it is called: the scheduler calls it on its slots.

    Attributes:
        engine: pixels to probabilities on one thread.
        wide_engine: the same on more threads, for a request that is alone; None where it gets no more either.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        decoder: Decoder,
        room: Room,
        engine: Engine,
        wide_engine: Engine | None = None,
        class_map: ClassMap | None = None,
    ) -> None:
        """Wire up the steps.

        Args:
            setup: the model, and what an answer says of it.
            decoder: bytes to pixels.
            room: the memory that it may take.
            engine: see above.
            wide_engine: see above.
            class_map: of a model that gives features; of others, heat maps are made by covering parts of the image.
        """
        self.labels = setup.labels
        self._model = {"name": setup.name, "version": setup.version, "outputs": setup.outputs}
        self._exclusive, self._temperature = setup.exclusive, setup.temperature
        self._least_standout, self._least_probability = setup.least_standout, setup.least_probability
        self._threads_when_alone = setup.threads_when_alone
        self._decoder = decoder
        self._room = room
        self._class_map = class_map
        self._batch = np.empty(0, dtype=np.uint8)
        self.engine = engine
        self.wide_engine = wide_engine

    def classify(self, job: Job) -> str:
        """Classify one image in the calling thread and return an `api.schema.Prediction` as JSON.

        Raises:
            ImageError: the bytes are no image that is taken.
            ModelError: the model is at fault.
        """
        (outcome,) = self.execute([job], [0.0], alone=False)
        if isinstance(outcome, BackendError):
            raise outcome
        return outcome.body

    def execute(self, jobs: Sequence[Job], waited: Sequence[float], alone: bool) -> list[Answer | BackendError]:
        """Classify images together; an image that cannot be read does not spoil the others.

        Several together from one thread only; one by one from as many as like.

        Args:
            jobs: usually one; several where the scheduler batches.
            waited: for how many seconds each of them waited.
            alone: nothing else is in flight, so other cores are free.

        Returns:
            For each job its answer, or the BackendError that says why there is none.
        """
        began = time.perf_counter()
        threads = self._threads_when_alone if alone else 1
        with self._room.enforced():
            decoded = [self._decode(job, threads) for job in jobs]
        images = [(job, outcome) for job, outcome in zip(jobs, decoded, strict=True) if isinstance(outcome, _Decoded)]
        if not images:
            return [outcome for outcome in decoded if isinstance(outcome, BackendError)]
        started = time.perf_counter()
        engine = self.wide_engine or self.engine if alone else self.engine
        try:
            found = iter(self._infer(engine, images))
        except BackendError as exc:
            return [exc if isinstance(outcome, _Decoded) else outcome for outcome in decoded]
        ended = time.perf_counter()
        share = (ended - started) / len(images)
        return [
            self._answer(job, engine, next(found), outcome, wait + (ended - began) - outcome.seconds - share, share)
            if isinstance(outcome, _Decoded)
            else outcome
            for job, wait, outcome in zip(jobs, waited, decoded, strict=True)
        ]

    def _decode(self, job: Job, threads: int) -> "_Decoded | BackendError":
        started = time.perf_counter()
        try:
            image = self._decoder.decode(job.image, threads)
        except NoRoom as exc:
            return errors.NeedsMemory(exc.pixels)
        except imaging.ImageError as exc:
            # A new one: the traceback of the old, and that of what caused it, hold half-decoded pictures while others of the
            # batch are worked on.
            return _ERRORS.get(type(exc), errors.ImageError)(str(exc))
        return _Decoded(image, image.pixels, time.perf_counter() - started)

    def _infer(self, engine: Engine, images: "Sequence[tuple[Job, _Decoded]]") -> "list[_Found]":
        """Return what the model says of each image: those of one shape together, and no image waits for another's shape."""
        shapes: dict[tuple[int, ...], list[int]] = {}
        for number, (_, image) in enumerate(images):
            shapes.setdefault(image.pixels.shape, []).append(number)
        found: dict[int, _Found] = {}
        for numbers in shapes.values():
            features = self._class_map is not None and any(images[number][0].heat_map for number in numbers)
            outputs = engine.infer(self._together([images[number][1].pixels for number in numbers]), features=features)
            rows = calibrated(outputs[PROBABILITIES], self._temperature, exclusive=self._exclusive)
            for at, number in enumerate(numbers):
                found[number] = _Found(rows[at], outputs[FEATURES][at : at + 1] if features else None)
        return [found[number] for number in range(len(images))]

    def _together(self, images: list[Pixels]) -> Pixels:
        if len(images) == 1:  # a view: nothing to copy
            return images[0][None]
        size = len(images) * images[0].size
        if self._batch.size < size:  # kept: new ones, of another size each time, leave holes in the heap
            self._batch = np.empty(size, dtype=np.uint8)
        return np.stack(images, out=self._batch[:size].reshape(len(images), *images[0].shape))

    def _answer(
        self, job: Job, engine: Engine, found: "_Found", image: "_Decoded", waited: float, inference: float
    ) -> Answer | BackendError:
        started = time.perf_counter()
        row, decoded = found.probabilities, image.decoded
        try:
            ranked = rank(row, self.labels, job.top_k)
            heat_map = None
            if job.heat_map:
                index = ranked[0].index if job.heat_map_of is None else job.heat_map_of
                heat_map = self._heat_map(job.patience - waited, engine, found, image, index)
                inference += time.perf_counter() - started
        except BackendError as exc:
            return exc
        # An `api.schema.Prediction`, field for field (a test compares them): a dict and the standard library's encoder take a
        # third of the time of the model's, and the slot need not import what builds it.
        prediction = {
            "filename": job.filename,
            "prediction": ranked[0].label,
            "probability": ranked[0].probability,
            "recognised": self._recognised(row, ranked[0].probability),
            "top_k": [{"index": r.index, "label": r.label, "probability": r.probability} for r in ranked],
            "probabilities": row.clip(0, 1).tolist() if job.probabilities else None,
            "heat_map": heat_map,
            "model": self._model,
            "image": {"width": decoded.width, "height": decoded.height, "format": decoded.format},
            "timing_ms": {
                "queue": _milliseconds(waited),
                "decode": _milliseconds(image.seconds),
                "inference": _milliseconds(inference),
            },
        }
        body = json.dumps(prediction, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return Answer(body, waited, image.seconds, inference)

    def _recognised(self, row: NDArray[np.float32], probability: float) -> bool:
        """Whether a photo is of one of the classes, going by how its first one stands out of all, and how probable it is."""
        if self._least_probability is not None and probability < self._least_probability:
            return False
        return self._least_standout is None or standout(row) >= self._least_standout

    def _heat_map(
        self, patience: float, engine: Engine, found: "_Found", image: "_Decoded", index: int
    ) -> dict[str, object]:
        """Return an `api.schema.HeatMap` of a class; `patience` is the seconds that are left, for methods that take some."""
        if self._class_map is not None and found.features is not None:
            method, grid = "class_activation", self._class_map(found.features)[0, :, :, index]
        else:

            def probabilities(pixels: Pixels) -> NDArray[np.float32]:
                outputs = engine.infer(pixels)[PROBABILITIES]
                return calibrated(outputs, self._temperature, exclusive=self._exclusive)

            started = time.perf_counter()
            probabilities(image.pixels[None])
            # half of the time: the answer has to travel, and one call of eight is not eight times one of one everywhere
            calls = min(patience, _LONGEST_OCCLUSION) / 2 / max(time.perf_counter() - started, 1e-6)
            method, uncovered = "occlusion", float(found.probabilities[index])
            grid = occlusion(probabilities, image.pixels, index, uncovered, calls)
        box = self._decoder.geometry.place(image.decoded.width, image.decoded.height).part_of(
            image.decoded.width, image.decoded.height
        )
        return as_answer(grid, method, index, self.labels[index], box)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """An image as the model gets it, uint8 (height, width, 3), and the seconds that this took."""

    decoded: DecodedImage
    pixels: Pixels
    seconds: float


class _Found(NamedTuple):
    """What the model says of an image: its probabilities, (classes,), and its features, (1, rows, columns, channels)."""

    probabilities: NDArray[np.float32]
    features: NDArray[Any] | None


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
