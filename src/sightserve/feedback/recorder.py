"""Server: answers and what people say of them -> [written by threads, many at once] -> database."""

from concurrent.futures import Future
from typing import Protocol

from sightserve.feedback.records import Correction, Predicted, Summary


class Recorder(Protocol):
    """Keeps feedback; no call ever waits for the database."""

    @property
    def dropped(self) -> int:
        """How many answers were not kept, since the start."""

    def predicted(self, made: Predicted) -> None:
        """Keep an answer, soon; where there is no room it is dropped and counted, and nobody is told."""

    def judged(self, correction: Correction) -> Future[None]:
        """Keep a correction; the future is done when the database has it for good.

        It fails with UnknownPrediction, PhotoRefused or DatabaseAway.
        """

    def forget(self, prediction: str) -> Future[None]:
        """Delete an answer with all that was said of it and its photo; fails with UnknownPrediction or DatabaseAway."""

    def summary(self, model_sha256: str) -> Future[Summary]:
        """Return how right a model was; fails with DatabaseAway."""

    def close(self, seconds: float) -> None:
        """Write what there is, for so long at most, and end."""
