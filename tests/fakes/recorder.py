"""A recorder that keeps feedback in memory, and says what a test wants."""

from concurrent.futures import Future

from sightserve.feedback.errors import PhotoRefused, UnknownPrediction
from sightserve.feedback.records import Correction, Predicted, Summary


class MemoryRecorder:
    """Answers at once.

    Attributes:
        made: the answers that it was told of, by their ids.
        said: the corrections that it was given, in order.
        image_sha256: that every photo has to be of; None: any will do.
        failure: that whatever is asked ends in; None: nothing fails.
        silent: whether it never answers.
        asked: how often for a summary.
        dropped: how many answers it had no room for.
    """

    def __init__(self, *ids: str) -> None:
        self.known = set(ids)
        self.made: dict[str, Predicted] = {}
        self.said: list[Correction] = []
        self.image_sha256: str | None = None
        self.failure: Exception | None = None
        self.silent = False
        self.asked = self.dropped = 0

    def predicted(self, made: Predicted) -> None:
        self.made[made.id] = made
        self.known.add(made.id)

    def judged(self, correction: Correction) -> Future[None]:
        if correction.prediction not in self.known:
            return self._done(UnknownPrediction("nothing is kept of an answer with this id"))
        if correction.photo is not None and self.image_sha256 not in {None, correction.photo_sha256}:
            return self._done(PhotoRefused("this is not the photo that was classified"))
        self.said.append(correction)
        return self._done()

    def forget(self, prediction: str) -> Future[None]:
        if prediction not in self.known:
            return self._done(UnknownPrediction("nothing is kept of an answer with this id"))
        self.known.discard(prediction)
        return self._done()

    def summary(self, model_sha256: str) -> Future[Summary]:
        self.asked += 1
        future: Future[Summary] = Future()
        if self.failure is not None:
            future.set_exception(self.failure)
        else:
            future.set_result(Summary(predictions=len(self.known), judged=len(self.said), right=0))
        return future

    def close(self, seconds: float) -> None:
        pass

    def _done(self, failure: Exception | None = None) -> Future[None]:
        future: Future[None] = Future()
        failure = self.failure or failure
        if self.silent:
            return future
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(None)
        return future
