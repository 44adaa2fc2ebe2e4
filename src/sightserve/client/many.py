"""Any number of images, a few at once, in order, at the backend's pace: `predict_many` of both clients."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sightserve.api.schema import Prediction
from sightserve.client.errors import ClientError
from sightserve.client.images import Image, read_image
from sightserve.client.patience import AsyncPatience, Patience
from sightserve.client.retry import ONCE, Retry

if TYPE_CHECKING:
    from sightserve.client.aio import AsyncClient
    from sightserve.client.http import Client


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one image.

    Attributes:
        index: its number, from 0, in the order given.
        filename: its name, where it has one.
        prediction: None where there is none.
        error: why there is none: what the backend or the network said, or why the image could not be read.
    """

    index: int
    filename: str | None
    prediction: Prediction | None = None
    error: ClientError | OSError | TypeError | ValueError | None = None


def predict_many(
    client: "Client", images: Iterable[Image], *, top_k: int | None, parallel: int, retry: Retry
) -> Iterator[Answered]:
    """See `Client.predict_many`."""
    stop = threading.Event()
    patience = Patience(parallel, stop, retry=retry)

    def classify(index: int, image: Image) -> Answered:
        answered = Answered(index, None)
        try:
            data, name = read_image(image)
            answered = replace(answered, filename=name)
            found = patience.ask(lambda: client.predict(data, filename=name, top_k=top_k, retry=ONCE))
            return replace(answered, prediction=found)
        except (ClientError, OSError, TypeError, ValueError) as error:
            return replace(answered, error=error)

    pending: deque[Future[Answered]] = deque()
    with ThreadPoolExecutor(parallel, thread_name_prefix="predict-many") as pool:
        try:
            for index, image in enumerate(images):
                pending.append(pool.submit(classify, index, image))
                if len(pending) >= 2 * parallel:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:  # nobody wants the rest: Ctrl-C, or a `break` of who iterates
            stop.set()
            for future in pending:
                future.cancel()


async def predict_many_async(
    client: "AsyncClient", images: Iterable[Image], *, top_k: int | None, parallel: int, retry: Retry
) -> AsyncIterator[Answered]:
    """See `AsyncClient.predict_many`."""
    patience = AsyncPatience(parallel, retry=retry)

    async def classify(index: int, image: Image) -> Answered:
        answered = Answered(index, None)
        try:
            data, name = await asyncio.to_thread(read_image, image)
            answered = replace(answered, filename=name)
            found = await patience.ask(lambda: client.predict(data, filename=name, top_k=top_k, retry=ONCE))
            return replace(answered, prediction=found)
        except (ClientError, OSError, TypeError, ValueError) as error:
            return replace(answered, error=error)

    pending: deque[asyncio.Task[Answered]] = deque()
    try:
        for index, image in enumerate(images):
            pending.append(asyncio.create_task(classify(index, image)))
            if len(pending) >= 2 * parallel:
                yield await pending.popleft()
        while pending:
            yield await pending.popleft()
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
