"""The blocking client."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx2

from sightserve.api.schema import (
    BatchPrediction,
    FeedbackSaved,
    FeedbackSummary,
    Health,
    ModelInfo,
    Prediction,
    Reloaded,
    ServiceInfo,
    WireModel,
)
from sightserve.client import protocol
from sightserve.client.addresses import is_local
from sightserve.client.errors import ClientError, ConnectionBroken
from sightserve.client.images import Image, read_image
from sightserve.client.many import Answered, predict_many
from sightserve.client.retry import FOR_A_COMMAND, FOR_A_PERSON, ONCE, Retry

Model = TypeVar("Model", bound=WireModel)


class Client:
    """Talks to one backend over a pool of connections. Safe to share between threads; close it, or use `with`.

        with Client("http://127.0.0.1:8000") as client:
            print(client.predict(Path("cat.jpg")).prediction)

    Every method raises a `ClientError`: `ApiError` with the backend's code, `BackendUnreachable`, `BackendTimeout`,
    `GatewayError`, ... (`sightserve.client.errors`). What is busy or away for a moment is asked again (`retry`). A client can
    be pickled: the copy opens connections of its own. Proxies are those of the environment (HTTPS_PROXY, NO_PROXY, ...), but
    none for a backend on this machine.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout: float | httpx2.Timeout = protocol.DEFAULT_TIMEOUT,
        retry: Retry = FOR_A_PERSON,
        max_connections: int = 100,
        auth: httpx2.Auth | None = None,
        source: protocol.Source = "client",
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare a client; nothing is connected yet.

        Args:
            base_url: such as `http://127.0.0.1:8000`.
            api_key: for a backend with `SIGHTSERVE_API_KEYS`.
            timeout: seconds for connecting, writing and reading each, or different ones for each.
            retry: for how long to ask again.
            max_connections: how many requests may be under way at once.
            auth: says who asks, for a backend that is not open to all; such as `identity.Identity`.
            source: which of our programs this is.
            transport: replaces the network, for tests.
            sleep: waits between tries, for tests.

        Raises:
            ValueError: the API key is none.
        """
        self.base_url = base_url.rstrip("/")
        self.retry = retry
        self._sleep = sleep
        self._settings: dict[str, Any] = {
            "api_key": api_key,
            "timeout": timeout,
            "max_connections": max_connections,
            "auth": auth,
            "source": source,
            "transport": transport,
        }
        self._http = httpx2.Client(
            timeout=timeout,
            limits=httpx2.Limits(
                max_connections=max_connections, max_keepalive_connections=20, keepalive_expiry=protocol.KEEP_ALIVE
            ),
            auth=auth,
            headers=protocol.key_header(api_key) | protocol.agent_header(source),
            transport=transport,
            trust_env=not is_local(base_url),
        )

    def __reduce__(self) -> tuple[Any, ...]:  # connections do not travel: the copy opens its own
        return partial(type(self), self.base_url, retry=self.retry, sleep=self._sleep, **self._settings), ()

    def predict(
        self,
        image: Image,
        *,
        filename: str | None = None,
        top_k: int | None = None,
        probabilities: bool = False,
        heat_map: bool = False,
        heat_map_of: str | None = None,
        retry: Retry | None = None,
    ) -> Prediction:
        """Classify one image.

        Args:
            image: encoded, as bytes, a path or an open binary file; a PIL image; or an array, as `images.read_image` says.
            filename: that the answer carries; a path's own by default.
            top_k: how many classes, most probable first; None: five, or all of a model that has fewer.
            probabilities: whether to have every class's probability too.
            heat_map: whether to be told where the model looked for its first class.
            heat_map_of: or for another one, by its label.
            retry: for how long to ask again, where that is another time than the client's own.

        Raises:
            ClientError: see the class.
            OSError: the file cannot be read.
            TypeError, ValueError: it is no image.
        """
        data, name = read_image(image)
        answer = self._request(
            Prediction,
            "POST",
            "/predict",
            params=protocol.query(top_k, probabilities, heat_map, heat_map_of),
            content=data,
            headers=protocol.RAW_BODY,
            retry=retry,
        )
        return protocol.named(answer, filename or name)

    def predict_batch(
        self,
        images: Sequence[Image],
        *,
        top_k: int | None = None,
        probabilities: bool = False,
    ) -> BatchPrediction:
        """Classify several images in one request; each has its own result or error, in the order given.

        One request has a limit of files and bytes (`info().limits`); `predict_many` takes as many as there are.

        Raises:
            ClientError: see the class.
            OSError: a file cannot be read.
            TypeError, ValueError: there is no image, or something that is none.
        """
        if not images:
            raise ValueError("a batch has at least one image")
        read = list(map(read_image, images))
        files = [("file", (name or "image", data)) for data, name in read]
        return self._request(
            BatchPrediction, "POST", "/predict/batch", params=protocol.query(top_k, probabilities), files=files
        )

    def predict_many(
        self, images: Iterable[Image], *, top_k: int | None = None, parallel: int = 8, retry: Retry = FOR_A_COMMAND
    ) -> Iterator[Answered]:
        """Classify any number of images, a few at once; yield each with its answer or error, in the order given.

        One image is one request, so that the backend can share its work fairly, and one that fails costs no other. The pace is
        the backend's: where it is busy fewer are under way, where it is away for a while they wait. Images are read one after
        another as they are needed: those in memory are at most twice as many as are asked at once.

        Args:
            images: as for `predict`; a generator is read as it goes.
            top_k: as for `predict`.
            parallel: requests under way at once, at most.
            retry: for how long to ask again; an address where nothing ever answered may be mistyped, and is given up soon.
        """
        return predict_many(self, images, top_k=top_k, parallel=parallel, retry=retry)

    def feedback(
        self,
        prediction: Prediction | str,
        *,
        right: bool,
        label: str | None = None,
        note: str = "",
        photo: "Image | None" = None,
        retry: Retry | None = None,
    ) -> FeedbackSaved:
        """Say whether an answer was right. Said again, the last counts.

        Args:
            prediction: the answer, or its id.
            right: whether it was.
            label: what it is, where it was wrong: a label of the model, or a new one.
            note: in words.
            photo: the one that was classified, where it may be kept: as for `predict`.
            retry: as for `predict`.

        Raises:
            ClientError: see the class; `unknown_prediction` where nothing is kept of the answer.
            OSError: the file cannot be read.
            TypeError, ValueError: the photo is no image, it cannot be said so, or the backend keeps no feedback.
        """
        said = protocol.feedback(prediction, "right" if right else "wrong", label, note)
        if photo is None:
            return self._request(FeedbackSaved, "POST", "/feedback", json=said, retry=retry)
        data, _ = read_image(photo)
        files = {"photo": ("photo", data)}  # its name is nobody's business
        return self._request(FeedbackSaved, "POST", "/feedback", data=said, files=files, retry=retry)

    def forget(self, prediction: Prediction | str) -> None:
        """Have an answer deleted, and all that was said of it.

        Raises:
            ClientError: see the class; `unknown_prediction` where nothing is kept of it.
            ValueError: the answer has no id: the backend keeps no feedback.
        """
        self._request(WireModel, "DELETE", f"/feedback/{quote(protocol.id_of(prediction), safe='')}")

    def feedback_summary(self, *, retry: Retry | None = None) -> FeedbackSummary:
        """Return how right the model was, by what people said of its answers; `retry` as for `predict`."""
        return self._request(FeedbackSummary, "GET", "/feedback", retry=retry)

    def model(self) -> ModelInfo:
        """Return which model the backend serves."""
        return self._request(ModelInfo, "GET", "/model")

    def info(self) -> ServiceInfo:
        """Return the backend's version and limits."""
        return self._request(ServiceInfo, "GET", "/")

    def ready(self) -> Health:
        """Return normally when the backend is ready for work; it is asked once."""
        return self._request(Health, "GET", "/health/ready", retry=ONCE)

    def reload(self, model: str | None = None) -> Reloaded:
        """Have the backend serve another model, where it takes that (`info().links` has `reload` then).

        Args:
            model: accurate, fast or the name of one that was added there; None: the same again.
        """
        asked = {} if model is None else {"model": model}
        return self._request(Reloaded, "POST", "/admin/reload", json=asked, retry=ONCE)

    def sample(self, path: str) -> bytes:
        """Return a photo to try the model on, by the path that `model().samples` says."""
        return protocol.content(self._send("GET", path))

    def metrics(self) -> str:
        """Return the backend's metrics in Prometheus's text format."""
        return protocol.text(self._send("GET", "/metrics"))

    def _request(
        self,
        model: type[Model],
        method: str,
        path: str,
        *,
        retry: Retry | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Model:
        retry, failures, spent = retry or self.retry, 0, 0.0
        while True:
            asked = time.monotonic()
            try:
                return self._once(model, method, path, **kwargs)
            except ClientError as error:
                failures, spent = failures + 1, spent + time.monotonic() - asked
                wait = retry.wait(failures, spent, error)
                if wait is None:
                    raise
            self._sleep(wait)
            spent += wait

    def _once(self, model: type[Model], method: str, path: str, **kwargs: Any) -> Model:  # noqa: ANN401
        return protocol.parse(self._send(method, path, **kwargs), model)

    def _send(self, method: str, path: str, **kwargs: Any) -> httpx2.Response:  # noqa: ANN401
        try:
            return self._try(method, path, **kwargs)
        except ConnectionBroken:
            # A kept connection that the other end has closed meanwhile breaks at the first word: that is nobody's failure.
            return self._try(method, path, **kwargs)

    def _try(self, method: str, path: str, **kwargs: Any) -> httpx2.Response:  # noqa: ANN401
        if self._http.is_closed:
            raise ClientError("this client is closed")
        try:
            return self._http.request(method, self.base_url + path, **kwargs)
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            raise protocol.transport_error(exc, self.base_url) from exc

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
