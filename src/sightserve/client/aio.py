"""The asynchronous client. Written by tools/make_async_client.py from http.py: change that."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from sightserve.api.schema import BatchPrediction, Health, ModelInfo, Prediction, ServiceInfo, WireModel
from sightserve.client import protocol
from sightserve.client.errors import ClientError
from sightserve.client.protocol import ImageSource, Retry

Model = TypeVar("Model", bound=WireModel)


class AsyncClient:
    """Talks to one backend over a pool of connections. Safe to share between tasks; close it, or use `async with`.

        async with AsyncClient("http://127.0.0.1:8000") as client:
            print((await client.predict(Path("cat.jpg"))).prediction)

    Every method raises a `ClientError`: `ApiError` with the backend's code, `BackendUnreachable`, `BackendTimeout` or
    `InvalidAnswer`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: httpx2.Timeout = protocol.DEFAULT_TIMEOUT,
        retry: Retry = protocol.DEFAULT_RETRY,
        max_connections: int = 100,
        auth: httpx2.Auth | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare a client; nothing is connected yet.

        Args:
            base_url: such as `http://127.0.0.1:8000`.
            timeout: for connecting, writing and reading.
            retry: when to try again.
            max_connections: how many requests may be under way at once.
            auth: says who asks, for a backend that is not open to all; such as `identity.Identity`.
            transport: replaces the network, for tests.
            sleep: waits between tries, for tests.
        """
        self.base_url = base_url.rstrip("/")
        self._retry = retry
        self._sleep = sleep
        self._http = httpx2.AsyncClient(
            timeout=timeout, limits=httpx2.Limits(max_connections=max_connections), auth=auth, transport=transport
        )

    async def predict(
        self,
        image: ImageSource,
        *,
        filename: str | None = None,
        top_k: int = 5,
        probabilities: bool = False,
        heat_map: bool = False,
        heat_map_of: str | None = None,
    ) -> Prediction:
        """Classify one image, given as bytes, a path or an open binary file.

        Args:
            image: the image.
            filename: that the answer carries; a path's own by default.
            top_k: how many classes, most probable first.
            probabilities: whether to have every class's probability too.
            heat_map: whether to be told where the model looked for its first class.
            heat_map_of: or for another one, by its label.

        Raises:
            ClientError: see the class.
            OSError: the file cannot be read.
        """
        data, name = protocol.read_image(image)
        answer = await self._request(
            Prediction,
            "POST",
            "/predict",
            params=protocol.query(top_k, probabilities, heat_map, heat_map_of),
            content=data,
            headers=protocol.RAW_BODY,
        )
        return protocol.named(answer, filename or name)

    async def predict_batch(
        self, images: Sequence[ImageSource], *, top_k: int = 5, probabilities: bool = False
    ) -> BatchPrediction:
        """Classify several images in one request; each has its own result or error, in the order given.

        Raises:
            ClientError: see the class.
            OSError: a file cannot be read.
        """
        files = [("file", (name or "image", data)) for data, name in map(protocol.read_image, images)]
        return await self._request(
            BatchPrediction, "POST", "/predict/batch", params=protocol.query(top_k, probabilities), files=files
        )

    async def model(self) -> ModelInfo:
        """Return which model the backend serves."""
        return await self._request(ModelInfo, "GET", "/model")

    async def info(self) -> ServiceInfo:
        """Return the backend's version and limits."""
        return await self._request(ServiceInfo, "GET", "/")

    async def ready(self) -> Health:
        """Return normally when the backend is ready for work."""
        return await self._request(Health, "GET", "/health/ready")

    async def metrics(self) -> str:
        """Return the backend's metrics in Prometheus's text format."""
        return protocol.text(await self._send("GET", "/metrics"))

    async def _request(self, model: type[Model], method: str, path: str, **kwargs: Any) -> Model:  # noqa: ANN401
        attempt = 1
        while True:
            try:
                return await self._once(model, method, path, **kwargs)
            except ClientError as error:
                wait = self._retry.wait(attempt, error)
                if wait is None:
                    raise
            await self._sleep(wait)
            attempt += 1

    async def _once(self, model: type[Model], method: str, path: str, **kwargs: Any) -> Model:  # noqa: ANN401
        return protocol.parse(await self._send(method, path, **kwargs), model)

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx2.Response:  # noqa: ANN401
        try:
            return await self._http.request(method, self.base_url + path, **kwargs)
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            raise protocol.transport_error(exc, self.base_url) from exc

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
