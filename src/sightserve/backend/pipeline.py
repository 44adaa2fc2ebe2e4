"""The data path, from top to bottom: an image's bytes in, its ranked labels out."""

import time
from functools import partial

from sightserve.api.schema import ImageInfo, ModelRef, Prediction, Timing
from sightserve.backend.decode import Decoder
from sightserve.backend.errors import ParameterError
from sightserve.backend.metrics import Metrics
from sightserve.backend.ranking import top_k as rank
from sightserve.backend.scheduler import Scheduler
from sightserve.backend.session import Session


class Pipeline:
    """Classifies images with one model."""

    def __init__(
        self,
        *,
        decoder: Decoder,
        session: Session,
        scheduler: Scheduler,
        metrics: Metrics,
        labels: tuple[str, ...],
        model: ModelRef,
    ) -> None:
        self.labels = labels
        self.model = model
        self._decoder = decoder
        self._session = session
        self._scheduler = scheduler
        self._metrics = metrics

    def check(self, top_k: int) -> None:
        """Raise ParameterError unless `top_k` is between 1 and the number of classes."""
        if not 1 <= top_k <= len(self.labels):
            raise ParameterError(f"top_k must be between 1 and {len(self.labels)}, the number of classes")

    async def classify(
        self, image: bytes, *, filename: str | None = None, top_k: int = 5, probabilities: bool = False
    ) -> Prediction:
        """Classify one image in a slot; the event loop stays free meanwhile.

        Args:
            image: an encoded image (JPEG, PNG, ...).
            filename: handed through to the answer.
            top_k: how many classes to return, 1 <= top_k <= classes.
            probabilities: whether to return every class's probability too.

        Raises:
            ParameterError: `top_k` is out of range.
            ImageError: the bytes are no image that is taken.
            ModelError: the model is at fault.
        """
        self.check(top_k)
        work = partial(self.classify_here, image, filename=filename, top_k=top_k, probabilities=probabilities)
        prediction, waited = await self._scheduler.run(work)
        self._metrics.queue_seconds.observe(waited)
        timing = prediction.timing_ms.model_copy(update={"queue": _milliseconds(waited)})
        return prediction.model_copy(update={"timing_ms": timing})

    def classify_here(
        self, image: bytes, *, filename: str | None = None, top_k: int = 5, probabilities: bool = False
    ) -> Prediction:
        """Classify one image in the calling thread; arguments and errors as in `classify`."""
        started = time.perf_counter()
        decoded = self._decoder.decode(image)
        decoded_at = time.perf_counter()
        row = self._session.infer(decoded.pixels[None])[0]
        inferred_at = time.perf_counter()
        ranked = rank(row, self.labels, top_k)
        self._metrics.decode_seconds.observe(decoded_at - started)
        self._metrics.inference_seconds.observe(inferred_at - decoded_at)
        return Prediction(
            filename=filename,
            prediction=ranked[0].label,
            probability=ranked[0].probability,
            top_k=ranked,
            probabilities=row.clip(0, 1).tolist() if probabilities else None,
            model=self.model,
            image=ImageInfo(width=decoded.width, height=decoded.height, format=decoded.format),
            timing_ms=Timing(
                queue=0,
                decode=_milliseconds(decoded_at - started),
                inference=_milliseconds(inferred_at - decoded_at),
            ),
        )

    def close(self) -> None:
        """Finish what was accepted, then end the slots."""
        self._scheduler.close()


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
