"""The HTTP contract: what each address takes and gives. No logic: uploads in, pipeline, schema out."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import sightserve
from sightserve.api.errors import ErrorCode
from sightserve.api.schema import (
    BatchItem,
    BatchPrediction,
    CourseClassification,
    Limits,
    ModelInfo,
    Prediction,
    ServiceInfo,
    WireModel,
)
from sightserve.backend.build import Backend
from sightserve.backend.errors import ImageError
from sightserve.backend.formats import MEDIA_TYPES
from sightserve.backend.http.openapi import IMAGE_ERRORS, MANY_IMAGES, ONE_IMAGE, error_responses
from sightserve.backend.http.problems import problem_of, request_id_of
from sightserve.backend.http.uploads import Upload, read_many, read_one

router = APIRouter()

TopK = Annotated[int, Query(ge=1, description="how many classes, most probable first; at most as many as there are")]
AllProbabilities = Annotated[bool, Query(description="whether to send every class's probability too")]


def backend_of(request: Request) -> Backend:
    """Return the backend that `app.create_app` was given."""
    backend: Backend = request.app.state.backend
    return backend


def _json(body: WireModel) -> Response:
    """Serialise once, in pydantic's own encoder; FastAPI would validate and convert the finished answer again."""
    return Response(body.model_dump_json(), media_type="application/json")


@router.get("/", tags=["service"], summary="Greeting, version, limits and links")
async def greet(request: Request) -> ServiceInfo:
    """Says what this is and where to go from here."""
    backend = backend_of(request)
    settings = backend.settings
    return ServiceInfo(
        message="Welcome to Sightserve. POST an image to /predict and get its most probable classes.",
        version=sightserve.__version__,
        model=backend.pipeline.model,
        limits=Limits(
            max_upload_bytes=settings.max_upload_bytes,
            max_pixels=settings.max_pixels,
            max_batch_files=settings.max_batch_files,
            image_types=list(MEDIA_TYPES.values()),
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


@router.post(
    "/predict",
    tags=["predict"],
    summary="Classify one image",
    response_model=Prediction,
    responses=error_responses(*IMAGE_ERRORS),
    openapi_extra=ONE_IMAGE,
)
@router.post("/predict/", include_in_schema=False)
async def predict(request: Request, top_k: TopK = 5, probabilities: AllProbabilities = False) -> Response:
    """One image in, its most probable classes out."""
    backend = backend_of(request)
    upload = await read_one(request, max_bytes=backend.settings.max_upload_bytes)
    return _json(
        await backend.pipeline.classify(upload.data, filename=upload.filename, top_k=top_k, probabilities=probabilities)
    )


@router.post(
    "/predict/batch",
    tags=["predict"],
    summary="Classify several images",
    response_model=BatchPrediction,
    responses=error_responses(
        ErrorCode.MALFORMED_REQUEST,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.TOO_MANY_FILES,
        ErrorCode.UNSUPPORTED_IMAGE_TYPE,
        ErrorCode.INVALID_PARAMETER,
    ),
    openapi_extra=MANY_IMAGES,
)
async def predict_batch(request: Request, top_k: TopK = 5, probabilities: AllProbabilities = False) -> Response:
    """One result or one error for each file, in the order of the files: a bad file does not spoil the others."""
    backend = backend_of(request)
    settings = backend.settings
    uploads = await read_many(request, max_bytes=settings.max_upload_bytes, max_files=settings.max_batch_files)

    async def classify(upload: Upload) -> BatchItem:
        try:
            result = await backend.pipeline.classify(
                upload.data, filename=upload.filename, top_k=top_k, probabilities=probabilities
            )
        except ImageError as exc:
            return BatchItem(filename=upload.filename, error=problem_of(exc, request_id_of(request)))
        return BatchItem(filename=upload.filename, result=result)

    items = await asyncio.gather(*(classify(upload) for upload in uploads))
    succeeded = sum(item.result is not None for item in items)
    return _json(BatchPrediction(results=items, succeeded=succeeded, failed=len(items) - succeeded))


@router.post(
    "/classify/",
    tags=["predict"],
    summary="Classify one image, answered as the course's backend did",
    response_model=CourseClassification,
    responses=error_responses(*IMAGE_ERRORS),
    openapi_extra=ONE_IMAGE,
)
@router.post("/classify", include_in_schema=False)
async def classify(request: Request) -> Response:
    """The label, and every class's probability in one nested list."""
    backend = backend_of(request)
    upload = await read_one(request, max_bytes=backend.settings.max_upload_bytes)
    prediction = await backend.pipeline.classify(upload.data, filename=upload.filename, top_k=1, probabilities=True)
    return _json(
        CourseClassification(
            filename=prediction.filename,
            prediction=prediction.prediction,
            probabilities=[prediction.probabilities or []],
        )
    )


@router.get("/model", tags=["service"], summary="Which model answers")
async def model(request: Request) -> ModelInfo:
    """Name, version, classes, input size, source, licence and checksum, as its manifest gives them."""
    bundle = backend_of(request).bundle
    manifest = bundle.manifest
    return ModelInfo(
        name=manifest.name,
        version=manifest.version,
        description=manifest.description,
        classes=manifest.classes,
        labels=list(bundle.labels),
        input_width=manifest.input.width,
        input_height=manifest.input.height,
        source=manifest.source,
        license=manifest.license,
        sha256=manifest.model.sha256,
        size_bytes=len(bundle.model_bytes),
        accuracy=manifest.accuracy.model_dump() if manifest.accuracy else None,
    )


@router.get(
    "/metrics",
    tags=["service"],
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "exposition format"}},
)
async def metrics(request: Request) -> Response:
    """Counts and durations, for Prometheus."""
    return Response(generate_latest(backend_of(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)
