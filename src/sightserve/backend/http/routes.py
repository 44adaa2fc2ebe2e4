"""The HTTP contract: what each address takes and gives. No logic: uploads in, pipeline, schema out."""

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
)
from sightserve.backend.errors import BackendError
from sightserve.backend.http.admission import Parameters, UploadRoute, ticket_of
from sightserve.backend.http.classify import (
    backend_of,
    body_limits,
    classify_each,
    classify_one,
    id_header,
    json_response,
)
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
from sightserve.backend.http.uploads import read_many, read_one
from sightserve.imaging.formats import MEDIA_TYPES, sniff
from sightserve.imaging.geometry import input_geometry

router = APIRouter()
uploads = APIRouter(route_class=UploadRoute)

Asked = Annotated[Parameters, Query()]


@router.get(
    "/", tags=["service"], summary="Greeting, version, limits and links", responses=error_responses(*ACCESS_ERRORS)
)
async def greet(request: Request) -> ServiceInfo:
    """Says what this is and where to go from here."""
    backend = backend_of(request)
    settings = backend.settings
    return ServiceInfo(
        message=f"Welcome to {backend.title}. POST an image to /predict and get its most probable classes.",
        version=sightserve.__version__,
        model=backend.model,
        limits=Limits(
            max_upload_bytes=settings.max_upload_bytes,
            max_pixels=settings.max_pixels,
            max_batch_files=settings.max_batch_files,
            image_types=list(MEDIA_TYPES.values()),
            deadline_ms=round(backend.deadline * 1000),
        ),
        feedback=backend.feedback.info if backend.feedback else None,
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
            "open_inference_protocol": "/v2",
            "hugging_face": "/hf",
        }
        | ({"feedback": "/feedback"} if backend.feedback else {})
        | ({"reload": "/admin/reload"} if settings.admin else {}),
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
            upload = await read_one(request, body_limits(backend, ticket))
    answer = await classify_one(request, upload, parameters)
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
            files = await read_many(request, body_limits(backend, ticket), max_files=backend.settings.max_batch_files)
    request_id = request_id_of(request)
    items = [
        BatchItem(filename=upload.filename, error=problem_of(answer, request_id))
        if isinstance(answer, BackendError)
        else BatchItem(filename=upload.filename, result=Prediction.model_validate_json(answer.body))
        for upload, answer in zip(files, await classify_each(request, files, parameters), strict=True)
    ]
    succeeded = sum(item.result is not None for item in items)
    return json_response(BatchPrediction(results=items, succeeded=succeeded, failed=len(items) - succeeded))


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
            upload = await read_one(request, body_limits(backend, ticket))
    answer = await classify_one(request, upload, Parameters(top_k=1, probabilities=True))
    prediction = Prediction.model_validate_json(answer.body)
    return json_response(
        CourseClassification(
            filename=prediction.filename,
            prediction=prediction.prediction,
            probabilities=[prediction.probabilities or []],
        ),
        headers=id_header(prediction),
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
