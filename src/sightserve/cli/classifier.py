"""How a command classifies: by a model in this process, or through a backend; the command does not see which.

Data path: a photo or a frame, encoded -> [a slot's data path here | HTTP] -> prediction. Heavy imports are inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sightserve.cli.extras import fail, needs

if TYPE_CHECKING:  # every command passes here, and building the schema takes a tenth of a cold start
    import threading

    from sightserve.api.schema import Prediction
    from sightserve.backend.slot.pipeline import Pipeline
    from sightserve.client import Client
    from sightserve.client.patience import Patience

REQUESTS = 8  # enough to keep a backend busy while answers travel
_WORTH_TELLING = 1.0  # seconds; shorter pauses are nobody's business


class NotClassified(Exception):
    """There is no prediction: the code and the sentence that say why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Stopped(NotClassified):
    """Somebody said stop while an answer was waited for."""


class ModelFacts(NamedTuple):
    """What a command has to know of the model.

    Attributes:
        classes: how many it tells apart, the most labels that can be asked for.
        looks: how a photo becomes its input, as `imaging.geometry.input_geometry` takes it.
        exclusive: whether one class is right, or several may be.
    """

    classes: int
    looks: dict[str, Any]
    exclusive: bool


class Classifier(Protocol):
    """What classifies; in several threads at once."""

    parallel: int  # how many at once are worth while

    def model(self) -> ModelFacts:
        """Return what the model is; ends the command where nobody can tell."""

    def classify(self, image: bytes, filename: str | None, top_k: int | None, *, heat_map: bool = False) -> Prediction:
        """Return an encoded image's `top_k` most probable classes, and where the model looked.

        None: as many as a backend gives unasked.

        Raises:
            NotClassified: why not; `Stopped` where somebody said stop.
        """


@contextmanager
def open_classifier(
    backend: str | None,
    model: str | None,
    *,
    api_key: str = "",
    stop: threading.Event,
    parallel: int = REQUESTS,
    tell: Callable[[str], None] | None = None,
    frames: bool = False,
) -> Iterator[Classifier]:
    """Yield what classifies, ready for work; the command ends with a sentence where the model cannot be loaded.

    A backend is asked again for as long as it is busy or away for a while, or until `stop` is set.

    Args:
        backend: address of a backend; None: the model runs in this process.
        model: for this process: a bundle's directory, or the name of an embedded or an added one; None: the default one.
        api_key: for the backend; none where it is empty.
        stop: set from any thread, or by a signal, to stop waiting.
        parallel: requests under way at once, at most.
        tell: is told, in words, why and for how long a backend is waited for, and what is odd about a model of this process.
        frames: whether these are a video's, which no backend keeps for feedback.
    """
    if backend is None:
        yield _in_process(model, tell)
        return
    from sightserve.cli.backend import open_client
    from sightserve.client.patience import Patience
    from sightserve.client.retry import FOR_A_COMMAND

    def waits(why: Exception, pause: float) -> None:
        if tell is not None and pause >= _WORTH_TELLING:
            tell(f"{why}: asking again in {pause:.0f} s")

    with open_client(backend, api_key, "video" if frames else "command") as client:
        yield _Remote(client, parallel, Patience(parallel, stop, retry=FOR_A_COMMAND, tell=waits))


def _in_process(model: str | None, tell: Callable[[str], None] | None) -> _InProcess:
    with needs("backend"):
        from sightserve.backend.build import load, model_files, setup_of
        from sightserve.backend.errors import BackendError
        from sightserve.backend.settings import Settings
        from sightserve.backend.slot.assemble import assemble

    settings = Settings(threads_when_alone=1) if model is None else Settings(threads_when_alone=1, model=model)
    try:
        bundle = load(settings)
        setup = setup_of(settings, bundle)
        pipeline, _ = assemble(setup, model_files(bundle), tell=tell or (lambda _note: None))
    except BackendError as exc:
        fail(str(exc))
    return _InProcess(pipeline, ModelFacts(len(bundle.labels), setup.input, setup.exclusive), settings.cpus)


class _InProcess:
    """A slot's data path, on as many threads as it has cores."""

    def __init__(self, pipeline: Pipeline, model: ModelFacts, parallel: int) -> None:
        self.parallel = parallel
        self._pipeline = pipeline
        self._model = model

    def model(self) -> ModelFacts:
        """See Classifier."""
        return self._model

    def classify(self, image: bytes, filename: str | None, top_k: int | None, *, heat_map: bool = False) -> Prediction:
        """See Classifier."""
        from sightserve.api.schema import Prediction
        from sightserve.backend.errors import BackendError
        from sightserve.backend.job import TOP_K, Job

        try:
            wanted = min(TOP_K, self._model.classes) if top_k is None else top_k
            job = Job(image, filename, wanted, heat_map=heat_map)
            return Prediction.model_validate_json(self._pipeline.classify(job))
        except BackendError as exc:
            raise NotClassified(exc.code, str(exc)) from exc


class _Remote:
    """A backend; nothing is asked before the first question."""

    def __init__(self, client: Client, parallel: int, patience: Patience) -> None:
        self.parallel = parallel
        self._client = client
        self._patience = patience

    def model(self) -> ModelFacts:
        """See Classifier."""
        from sightserve.client import ClientError
        from sightserve.client.patience import GivenUp

        try:
            told = self._patience.ask(self._client.model)
        except GivenUp:
            fail("stopped", code=130)
        except ClientError as exc:
            fail(str(exc), code=1)
        return ModelFacts(told.classes, told.looks(), told.outputs == "exclusive")

    def classify(self, image: bytes, filename: str | None, top_k: int | None, *, heat_map: bool = False) -> Prediction:
        """See Classifier."""
        from sightserve.client import ClientError
        from sightserve.client.patience import GivenUp
        from sightserve.client.retry import ONCE

        def ask() -> Prediction:
            return self._client.predict(image, filename=filename, top_k=top_k, heat_map=heat_map, retry=ONCE)

        try:
            return self._patience.ask(ask)
        except GivenUp as exc:
            raise Stopped("stopped", str(exc)) from exc
        except ClientError as exc:
            raise NotClassified(exc.code, str(exc)) from exc
