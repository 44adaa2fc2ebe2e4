"""The data path, from top to bottom: an image's bytes in, its ranked labels out."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend import errors
from sightserve.backend.errors import BackendError
from sightserve.backend.job import Answer, Job
from sightserve.backend.slot.engine import PROBABILITIES, Engine
from sightserve.backend.slot.ranking import top_k as rank
from sightserve.backend.slot.room import NoRoom, Room
from sightserve.imaging import errors as imaging
from sightserve.imaging.decode import DecodedImage, Decoder

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
        *,
        decoder: Decoder,
        room: Room,
        engine: Engine,
        wide_engine: Engine | None,
        shape: tuple[int, int, int],
        labels: tuple[str, ...],
        model: dict[str, str],
        threads_when_alone: int = 1,
    ) -> None:
        """Wire up the steps.

        Args:
            decoder: bytes to pixels.
            room: the memory that it may take.
            engine: see above.
            wide_engine: see above.
            shape: (height, width, 3) of the model's input.
            labels: class names in the model's order.
            model: an `api.schema.ModelRef`, for the answers.
            threads_when_alone: that decode an image while nothing else is in flight.
        """
        self.labels = labels
        self.model = model
        self._decoder = decoder
        self._room = room
        self._threads_when_alone = threads_when_alone
        self._batch = np.empty((0, *shape), dtype=np.uint8)
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
        images = [outcome for outcome in decoded if isinstance(outcome, _Decoded)]
        if not images:
            return [outcome for outcome in decoded if isinstance(outcome, BackendError)]
        started = time.perf_counter()
        rows = iter(self._infer([image.decoded for image in images], alone))
        ended = time.perf_counter()
        share = (ended - started) / len(images)
        return [
            self._answer(job, next(rows), outcome, wait + (ended - began) - outcome.seconds - share, share)
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
        return _Decoded(image, time.perf_counter() - started)

    def _infer(self, images: list[DecodedImage], alone: bool) -> NDArray[np.float32]:
        engine = self.wide_engine or self.engine if alone else self.engine
        if len(images) == 1:  # a view: nothing to copy
            return engine.infer(images[0].pixels[None])[PROBABILITIES]
        if len(self._batch) < len(images):  # kept: new ones, of another size each time, leave holes in the heap
            self._batch = np.empty((len(images), *images[0].pixels.shape), dtype=np.uint8)
        return engine.infer(np.stack([image.pixels for image in images], out=self._batch[: len(images)]))[PROBABILITIES]

    def _answer(
        self, job: Job, row: NDArray[np.float32], image: "_Decoded", waited: float, inference: float
    ) -> Answer | BackendError:
        try:
            ranked = rank(row, self.labels, job.top_k)
        except BackendError as exc:
            return exc
        # An `api.schema.Prediction`, field for field (a test compares them): a dict and the standard library's encoder take a
        # third of the time of the model's, and the slot need not import what builds it.
        prediction = {
            "filename": job.filename,
            "prediction": ranked[0].label,
            "probability": ranked[0].probability,
            "top_k": [{"index": r.index, "label": r.label, "probability": r.probability} for r in ranked],
            "probabilities": row.clip(0, 1).tolist() if job.probabilities else None,
            "model": self.model,
            "image": {"width": image.decoded.width, "height": image.decoded.height, "format": image.decoded.format},
            "timing_ms": {
                "queue": _milliseconds(waited),
                "decode": _milliseconds(image.seconds),
                "inference": _milliseconds(inference),
            },
        }
        body = json.dumps(prediction, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return Answer(body, waited, image.seconds, inference)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """An image at the model's size, and the seconds that this took."""

    decoded: DecodedImage
    seconds: float


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
