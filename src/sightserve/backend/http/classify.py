"""From uploaded bytes to a slot's answer: what all addresses that take photos share, whatever protocol they speak."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from fastapi import Request, Response

from sightserve.api.schema import Prediction, WireModel
from sightserve.backend.build import Backend
from sightserve.backend.errors import BackendError, MalformedRequest, ModelNotFound, RequestError
from sightserve.backend.feedback import new_id
from sightserve.backend.http.admission import Parameters, class_index, ticket_of
from sightserve.backend.http.disconnect import current
from sightserve.backend.http.tracing import step
from sightserve.backend.http.uploads import BodyLimits, Upload, read_body
from sightserve.backend.job import Answer, Job
from sightserve.backend.scheduler import Ticket

ID_HEADER: Final = "X-Prediction-Id"
_MOST_SHOWN: Final = 200  # characters of what a stranger typed


def backend_of(request: Request) -> Backend:
    """Return the backend that gave this request its place; of one that needs none, that serves now."""
    backend: Backend = request.scope.get("backend") or request.app.state.backend
    return backend


def named_backend(request: Request) -> Backend:
    """Return the backend, if its model is the one that the address names, and its version, where it names one.

    Raises:
        ModelNotFound: it is another.
    """
    backend = backend_of(request)
    model, asked = backend.model, request.path_params
    if asked["name"] != model.name:
        raise ModelNotFound(f"there is no model {asked['name'][:_MOST_SHOWN]!r} here, but {model.name!r}")
    if asked.get("version", model.version) != model.version:
        raise ModelNotFound(
            f"{model.name} has no version {asked['version'][:_MOST_SHOWN]!r} here, but {model.version!r}"
        )
    return backend


def body_limits(backend: Backend, ticket: Ticket) -> BodyLimits:
    """Return what the body of a request with this place may cost."""
    settings = backend.settings
    return BodyLimits(
        settings.max_upload_bytes,
        settings.idle_timeout,
        settings.body_timeout,
        grow=partial(backend.scheduler.grow, ticket),
        abandoned=backend.metrics.abandoned.inc,
    )


async def whole_body(request: Request) -> bytes:
    """Return the body of a request to an upload route, of whatever type; errors as in `uploads.read_body`."""
    backend, ticket = backend_of(request), ticket_of(request.scope)
    with step("upload"):
        async with backend.scheduler.uploading(ticket):
            return await read_body(request, body_limits(backend, ticket))


async def classify_one(request: Request, upload: Upload, parameters: Parameters) -> Answer:
    """Queue the only image of a request and wait for its answer.

    When the client hangs up first, its work is not started any more.
    """
    return await _classify(request, ticket_of(request.scope), upload, parameters)


async def _classify(request: Request, ticket: Ticket, upload: Upload, parameters: Parameters) -> Answer:
    backend = backend_of(request)
    job = _job(request, backend, ticket, upload, parameters)
    disconnect = current()
    try:
        if disconnect.happened:
            raise _hung_up(backend)
        with step("queue") as queueing:
            waiting = backend.scheduler.submit(ticket, job)

            def cancel() -> None:
                backend.scheduler.cancel(ticket)
                if not waiting.done():
                    waiting.set_exception(_hung_up(backend))

            with disconnect.calling(cancel):
                answer = queueing.answered(await waiting)
    finally:
        backend.scheduler.cancel(ticket)
    backend.metrics.count(answer)
    if backend.feedback is not None:
        backend.feedback.keep(job, answer, backend.bundle.manifest.model.sha256, request.scope["headers"])
    return answer


async def classify_each(
    request: Request, uploads: Sequence[Upload], parameters: Parameters
) -> list[Answer | BackendError]:
    """Queue the images of one request and return an answer or an error for each, in their order.

    Raises:
        RequestError: there is nobody any more to answer to.
        Overloaded: the queue grew while the body arrived.
    """
    backend = backend_of(request)
    members = backend.scheduler.split(ticket_of(request.scope), [len(upload.data) for upload in uploads])
    # Its images queue one by one, no more at once than there are slots: a batch takes its turn, it does not take over.
    turns = asyncio.Semaphore(backend.settings.cpus)

    async def classify(upload: Upload, member: Ticket) -> Answer | BackendError:
        async with turns:
            try:
                return await _classify(request, member, upload, parameters)
            except RequestError:
                raise
            except BackendError as exc:
                return exc

    tasks = [asyncio.create_task(classify(*pair)) for pair in zip(uploads, members, strict=True)]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task, member in zip(tasks, members, strict=True):
            task.cancel()
            backend.scheduler.cancel(member)


def json_response(body: WireModel, headers: dict[str, str] | None = None) -> Response:
    """Serialise once, in pydantic's own encoder; FastAPI would validate and convert the finished answer again."""
    return Response(body.model_dump_json(), media_type="application/json", headers=headers)


def id_header(*predictions: Prediction) -> dict[str, str]:
    """Return what tells the ids of answers where a protocol has no place of its own for them: in order, with commas."""
    ids = [each.id for each in predictions if each.id is not None]
    return {ID_HEADER: ",".join(ids)} if ids else {}


def _job(request: Request, backend: Backend, ticket: Ticket, upload: Upload, parameters: Parameters) -> Job:
    heat_map_of, labels = parameters.heat_map_of, backend.bundle.labels
    wants_heat_map = parameters.heat_map or heat_map_of is not None
    if wants_heat_map and not backend.bundle.class_map:
        ticket.isolated = True  # the photo is looked at many times: nobody shall wait for that in a batch
    index = None if heat_map_of is None else class_index(heat_map_of, labels)
    return Job(
        upload.data,
        upload.filename,
        # who does not say how many gets no more than there are
        parameters.top_k if "top_k" in parameters.model_fields_set else min(parameters.top_k, len(labels)),
        parameters.probabilities,
        wants_heat_map,
        index,
        ticket.patience,
        None if backend.feedback is None else new_id(request.scope["headers"]),
    )


def _hung_up(backend: Backend) -> MalformedRequest:
    backend.metrics.abandoned.inc()
    return MalformedRequest("the client hung up before its answer was ready")
