"""Open Inference Protocol v2 over HTTP, as tritonclient, KServe and others speak it; `tensors.py` has its bodies."""

from typing import Any

from fastapi import APIRouter, Request, Response

import sightserve
from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Prediction
from sightserve.backend.build import Backend
from sightserve.backend.errors import BackendError, ImageError, ModelNotFound, NotReady
from sightserve.backend.http.admission import Parameters, UploadRoute, ticket_of
from sightserve.backend.http.classify import (
    backend_of,
    classify_each,
    classify_one,
    id_header,
    named_backend,
    whole_body,
)
from sightserve.backend.http.health import check_ready
from sightserve.backend.http.openapi import ACCESS_ERRORS, IMAGE_ERRORS, told_as
from sightserve.backend.http.openapi_clients import V2_INFER, path_parameters
from sightserve.backend.http.protocols import (
    IndexedModel,
    InferAnswer,
    Live,
    ModelConfig,
    ModelMetadata,
    Ready,
    ServerMetadata,
    TensorConfig,
    TensorMetadata,
)
from sightserve.backend.http.tensors import INPUT, LABEL, PROBABILITIES, InferRequest, read_request, write_answer
from sightserve.backend.http.uploads import Upload

router = APIRouter(prefix="/v2", tags=["open inference protocol"])
uploads = APIRouter(prefix="/v2", tags=["open inference protocol"], route_class=UploadRoute)

_PLATFORM = "onnxruntime_onnx"  # Triton's name for it
_OPEN: dict[str, Any] = {"responses": told_as("/v2")}
_CLOSED: dict[str, Any] = {"responses": told_as("/v2", *ACCESS_ERRORS)}
# A name may have slashes in it, as the Hub's have. So the longer address is found first: the decorator next to the function.
_OF_MODEL: dict[str, Any] = {
    "responses": told_as("/v2", *ACCESS_ERRORS, ErrorCode.NOT_FOUND),
    "openapi_extra": path_parameters("name"),
}
_OF_VERSION: dict[str, Any] = _OF_MODEL | {"openapi_extra": path_parameters("name", "version")}
_INFER: dict[str, Any] = {
    "summary": "Classify photos",
    "response_model": InferAnswer,
    "response_model_exclude_none": True,
    "responses": told_as("/v2", *IMAGE_ERRORS, ErrorCode.NOT_FOUND, ErrorCode.TOO_MANY_FILES)
    | {200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
}


@router.get("", summary="Server and extensions", **_CLOSED)
async def server() -> ServerMetadata:
    """Say which server this is, and what of the protocol's extensions it has."""
    extensions = ["binary_tensor_data", "classification", "model_configuration"]
    return ServerMetadata(name="sightserve", version=sightserve.__version__, extensions=extensions)


@router.get("/health/live", summary="Does the process live?", **_OPEN)
async def live() -> Live:
    """Say what `/health/live` says."""
    return Live(live=True)


@router.get(
    "/health/ready",
    summary="Is it ready for work?",
    response_model_exclude_none=True,
    responses=told_as("/v2", ErrorCode.NOT_READY),
)
async def ready(request: Request) -> Ready:
    """Say what `/health/ready` says."""
    check_ready(request)
    return Ready(ready=True)


@router.post("/repository/index", summary="Which models there are", **_CLOSED)
async def repository_index(request: Request) -> list[IndexedModel]:
    """Name the one that answers."""
    model = backend_of(request).model
    return [IndexedModel(name=model.name, version=model.version, state="READY")]


@router.get(
    "/models/{name:path}/ready",
    summary="Is this model ready?",
    responses=told_as("/v2", *ACCESS_ERRORS, ErrorCode.NOT_FOUND, ErrorCode.NOT_READY),
    openapi_extra=path_parameters("name"),
)
@router.get("/models/{name:path}/versions/{version}/ready", include_in_schema=False, response_model_exclude_none=True)
async def model_ready(request: Request) -> Ready:
    """Answer 200 while a slot can work."""
    backend = named_backend(request)
    check_ready(request)
    return Ready(name=backend.model.name, ready=True)


@router.get("/models/{name:path}/stats", include_in_schema=False)
@router.get("/models/stats", include_in_schema=False)
async def statistics() -> None:
    """Say where they are instead, which Triton's clients do not know."""
    raise ModelNotFound("no statistics in Triton's form here: /metrics counts requests and seconds, for Prometheus")


@router.get("/models/{name:path}/config", summary="Its configuration, as Triton writes it", **_OF_MODEL)
@router.get("/models/{name:path}/versions/{version}/config", include_in_schema=False)
async def model_config(request: Request) -> ModelConfig:
    """Say what tools for Triton ask before they measure a model."""
    backend = named_backend(request)
    return ModelConfig(
        name=backend.model.name,
        platform=_PLATFORM,
        backend="onnxruntime",
        max_batch_size=0,
        input=[TensorConfig(name=INPUT, data_type="TYPE_STRING", dims=[-1])],
        output=[
            TensorConfig(name=PROBABILITIES, data_type="TYPE_FP32", dims=[-1, len(backend.bundle.labels)]),
            TensorConfig(name=LABEL, data_type="TYPE_STRING", dims=[-1]),
        ],
    )


@router.get("/models/{name:path}", summary="What a model takes and gives", **_OF_MODEL)
@router.get(
    "/models/{name:path}/versions/{version}", summary="What this version of a model takes and gives", **_OF_VERSION
)
async def model_metadata(request: Request) -> ModelMetadata:
    """Describe them: photos as encoded files in, probabilities and the most probable label out."""
    backend = named_backend(request)
    return ModelMetadata(
        name=backend.model.name,
        versions=[backend.model.version],
        platform=_PLATFORM,
        inputs=[TensorMetadata(name=INPUT, datatype="BYTES", shape=[-1])],
        outputs=[
            TensorMetadata(name=PROBABILITIES, datatype="FP32", shape=[-1, len(backend.bundle.labels)]),
            TensorMetadata(name=LABEL, datatype="BYTES", shape=[-1]),
        ],
    )


@uploads.post("/models/{name:path}/infer", openapi_extra=V2_INFER | path_parameters("name"), **_INFER)
@uploads.post(
    "/models/{name:path}/versions/{version}/infer",
    openapi_extra=V2_INFER | path_parameters("name", "version"),
    **_INFER,
)
async def infer(request: Request) -> Response:
    """Answer for all photos, each one BYTES element with its file as it is; or say why the first that cannot be is not."""
    backend, ticket = named_backend(request), ticket_of(request.scope)
    body = await whole_body(request)
    asked = read_request(body, request.headers.get("inference-header-content-length"), backend.settings.max_batch_files)
    ticket.patience = min(ticket.patience, asked.timeout)
    predictions = await _predictions(backend, request, asked)
    content, header_length = write_answer(asked, predictions)
    headers = id_header(*predictions)
    if header_length is None:
        return Response(content, media_type="application/json", headers=headers)
    headers |= {"Inference-Header-Content-Length": str(header_length)}
    return Response(content, media_type="application/octet-stream", headers=headers)


async def _predictions(backend: Backend, request: Request, asked: InferRequest) -> list[Prediction]:
    most = max(wanted.classes for wanted in asked.outputs)
    parameters = Parameters(
        top_k=max(1, min(most, len(backend.bundle.labels))),
        probabilities=any(wanted.name == PROBABILITIES and not wanted.classes for wanted in asked.outputs),
    )
    photos = [Upload(photo) for photo in asked.photos]
    if len(photos) == 1:
        return [Prediction.model_validate_json((await classify_one(request, photos[0], parameters)).body)]
    predictions: list[Prediction] = []
    for number, answer in enumerate(await classify_each(request, photos, parameters)):
        if isinstance(answer, ImageError):
            raise type(answer)(f"element {number} of {INPUT}: {answer}") from answer
        if isinstance(answer, BackendError):
            raise answer
        predictions.append(Prediction.model_validate_json(answer.body))
    if any(each.model != predictions[0].model for each in predictions):
        raise NotReady("another model took over while these photos were classified: send them again")
    return predictions
