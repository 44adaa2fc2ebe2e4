"""The HTTP contract: what each address takes and gives. No logic: uploads in, pipeline, schema out."""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import sightserve
from sightserve.api.errors import ErrorCode
from sightserve.api.schema import (
    BatchItem,
    BatchPrediction,
    CourseClassification,
    Kind,
    Limits,
    ModelInfo,
    Prediction,
    SampleInfo,
    ServiceInfo,
    WireModel,
)
from sightserve.backend.build import Backend
from sightserve.backend.errors import BackendError, MalformedRequest, RequestError
from sightserve.backend.http.admission import Parameters, UploadRoute, class_index, ticket_of
from sightserve.backend.http.disconnect import current
from sightserve.backend.http.openapi import (
    ACCESS_ERRORS,
    IMAGE_ERRORS,
    MANY_IMAGES,
    ONE_IMAGE,
    UPLOAD_ERRORS,
    error_responses,
)
from sightserve.backend.http.problems import problem_of, request_id_of
from sightserve.backend.http.tracing import step
from sightserve.backend.http.uploads import BodyLimits, Upload, read_many, read_one
from sightserve.backend.job import Answer, Job
from sightserve.backend.scheduler import Ticket
from sightserve.imaging.formats import MEDIA_TYPES, sniff
from sightserve.imaging.geometry import input_geometry

router = APIRouter()
uploads = APIRouter(route_class=UploadRoute)

Asked = Annotated[Parameters, Query()]


def backend_of(request: Request) -> Backend:
    """Return the backend that gave this request its place; of one that needs none, that serves now."""
    backend: Backend = request.scope.get("backend") or request.app.state.backend
    return backend


async def _classify(backend: Backend, ticket: Ticket, job: Job) -> Answer:
    """Queue one image and wait for its answer; when the client hangs up first, its work is not started any more."""
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
    return answer


def _hung_up(backend: Backend) -> MalformedRequest:
    backend.metrics.abandoned.inc()
    return MalformedRequest("the client hung up before its answer was ready")


def _body_limits(backend: Backend, ticket: Ticket) -> BodyLimits:
    settings = backend.settings
    return BodyLimits(
        settings.max_upload_bytes,
        settings.idle_timeout,
        settings.body_timeout,
        grow=partial(backend.scheduler.grow, ticket),
        abandoned=backend.metrics.abandoned.inc,
    )


def _job(backend: Backend, ticket: Ticket, upload: Upload, parameters: Parameters) -> Job:
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
    )


def _json(body: WireModel) -> Response:
    """Serialise once, in pydantic's own encoder; FastAPI would validate and convert the finished answer again."""
    return Response(body.model_dump_json(), media_type="application/json")


@router.get(
    "/", tags=["service"], summary="Greeting, version, limits and links", responses=error_responses(*ACCESS_ERRORS)
)
async def greet(request: Request) -> ServiceInfo:
    """Says what this is and where to go from here."""
    backend = backend_of(request)
    settings = backend.settings
    return ServiceInfo(
        message="Welcome to Sightserve. POST an image to /predict and get its most probable classes.",
        version=sightserve.__version__,
        model=backend.model,
        limits=Limits(
            max_upload_bytes=settings.max_upload_bytes,
            max_pixels=settings.max_pixels,
            max_batch_files=settings.max_batch_files,
            image_types=list(MEDIA_TYPES.values()),
            deadline_ms=round(backend.deadline * 1000),
        ),
        links={
            "predict": "/predict",
            "batch": "/predict/batch",
            "classify": "/classify/",
            "model": "/model",
            "docs": "/docs",
            "openapi": "/openapi.json",
            "live": "/health/live",
            "ready": "/health/ready",
            "metrics": "/metrics",
        },
    )


@uploads.post(
    "/predict",
    tags=["predict"],
    summary="Classify one image",
    response_model=Prediction,
    responses=error_responses(*IMAGE_ERRORS),
    openapi_extra=ONE_IMAGE,
)
@uploads.post("/predict/", include_in_schema=False)
async def predict(request: Request, parameters: Asked) -> Response:
    """One image in, its most probable classes out."""
    backend, ticket = backend_of(request), ticket_of(request.scope)
    with step("upload"):
        async with backend.scheduler.uploading(ticket):
            upload = await read_one(request, _body_limits(backend, ticket))
    answer = await _classify(backend, ticket, _job(backend, ticket, upload, parameters))
    return Response(answer.body, media_type="application/json")


@uploads.post(
    "/predict/batch",
    tags=["predict"],
    summary="Classify several images",
    response_model=BatchPrediction,
    responses=error_responses(*UPLOAD_ERRORS, ErrorCode.TOO_MANY_FILES),
    openapi_extra=MANY_IMAGES,
)
@uploads.post("/predict/batch/", include_in_schema=False)
async def predict_batch(request: Request, parameters: Asked) -> Response:
    """One result or one error for each file, in the order of the files: a bad file does not spoil the others."""
    backend, ticket = backend_of(request), ticket_of(request.scope)
    with step("upload"):
        async with backend.scheduler.uploading(ticket):
            files = await read_many(request, _body_limits(backend, ticket), max_files=backend.settings.max_batch_files)
    members = backend.scheduler.split(ticket, [len(upload.data) for upload in files])
    # Its images queue one by one, no more at once than there are slots: a batch takes its turn, it does not take over.
    turns = asyncio.Semaphore(backend.settings.cpus)

    async def classify(upload: Upload, member: Ticket) -> BatchItem:
        async with turns:
            try:
                answer = await _classify(backend, member, _job(backend, member, upload, parameters))
                return BatchItem(filename=upload.filename, result=Prediction.model_validate_json(answer.body))
            except RequestError:  # there is nobody any more to answer to
                raise
            except BackendError as exc:
                return BatchItem(filename=upload.filename, error=problem_of(exc, request_id_of(request)))

    tasks = [asyncio.create_task(classify(*pair)) for pair in zip(files, members, strict=True)]
    try:
        items = await asyncio.gather(*tasks)
    finally:
        for task, member in zip(tasks, members, strict=True):
            task.cancel()
            backend.scheduler.cancel(member)
    succeeded = sum(item.result is not None for item in items)
    return _json(BatchPrediction(results=items, succeeded=succeeded, failed=len(items) - succeeded))


@uploads.post(
    "/classify/",
    tags=["predict"],
    summary="Classify one image, answered as the course's backend did",
    response_model=CourseClassification,
    responses=error_responses(*IMAGE_ERRORS),
    openapi_extra=ONE_IMAGE,
)
@uploads.post("/classify", include_in_schema=False)
async def classify(request: Request) -> Response:
    """The label, and every class's probability in one nested list."""
    backend, ticket = backend_of(request), ticket_of(request.scope)
    with step("upload"):
        async with backend.scheduler.uploading(ticket):
            upload = await read_one(request, _body_limits(backend, ticket))
    job = _job(backend, ticket, upload, Parameters(top_k=1, probabilities=True))
    answer = await _classify(backend, ticket, job)
    prediction = Prediction.model_validate_json(answer.body)
    return _json(
        CourseClassification(
            filename=prediction.filename,
            prediction=prediction.prediction,
            probabilities=[prediction.probabilities or []],
        )
    )


@router.get("/model", tags=["service"], summary="Which model answers", responses=error_responses(*ACCESS_ERRORS))
async def model(request: Request) -> ModelInfo:
    """Name, version, classes, how it sees a photo, source, licence and checksum, as its manifest gives them."""
    bundle = backend_of(request).bundle
    manifest = bundle.manifest
    looks = manifest.input.model_dump(mode="json")
    width, height = input_geometry(looks).place(1, 1).input_size
    samples = enumerate(manifest.page.samples)
    return ModelInfo(
        name=manifest.name,
        version=manifest.version,
        description=manifest.description,
        classes=manifest.classes,
        labels=list(bundle.labels),
        kinds=[Kind(name=kind.name, classes=list(kind.classes)) for kind in bundle.kinds],
        input=looks,
        input_width=width,
        input_height=height,
        input_crop=looks.get("fraction"),
        outputs=manifest.output.meaning,
        heat_map="class_activation" if bundle.class_map else "occlusion",
        calibration=manifest.calibration.model_dump() if manifest.calibration else None,
        title=manifest.page.title,
        question=manifest.page.question,
        about=manifest.page.about,
        samples=[SampleInfo(title=s.title, alt=s.alt, path=f"/model/samples/{number}") for number, s in samples],
        source=manifest.source,
        license=manifest.license,
        sha256=manifest.model.sha256,
        size_bytes=bundle.size,
        accuracy=manifest.accuracy.model_dump() if manifest.accuracy else None,
    )


@router.get(
    "/model/samples/{number}",
    tags=["service"],
    summary="A photo to try the model on",
    response_class=Response,
    responses=error_responses(*ACCESS_ERRORS, ErrorCode.NOT_FOUND)
    | {200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}, "description": "the photo"}},
    openapi_extra={
        "parameters": [{"name": "number", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}]
    },
)
async def sample(request: Request) -> Response:
    """One of those that the model's manifest names."""
    samples = {str(number): content for number, content in enumerate(backend_of(request).bundle.samples)}
    if (number := request.path_params["number"]) not in samples:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    content = bytes(samples[number])
    return Response(content, media_type=MEDIA_TYPES.get(sniff(content) or "", "application/octet-stream"))


@router.get(
    "/metrics",
    tags=["service"],
    summary="Prometheus metrics",
    response_class=Response,
    responses=error_responses(*ACCESS_ERRORS)
    | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "exposition format"}},
)
async def metrics(request: Request) -> Response:
    """Counts and durations, for Prometheus."""
    backend = backend_of(request)
    backend.observe()
    return Response(generate_latest(backend.metrics.registry), media_type=CONTENT_TYPE_LATEST)
