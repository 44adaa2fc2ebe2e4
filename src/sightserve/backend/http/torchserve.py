"""The two addresses of TorchServe that callers know, answered as its `image_classifier` does: a move changes a host name."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Prediction
from sightserve.backend.http.admission import Parameters, UploadRoute, ticket_of
from sightserve.backend.http.classify import body_limits, classify_one, id_header, named_backend
from sightserve.backend.http.health import check_ready
from sightserve.backend.http.openapi import IMAGE_ERRORS, error_responses, told_as
from sightserve.backend.http.openapi_clients import TORCHSERVE, path_parameters
from sightserve.backend.http.protocols import Ping
from sightserve.backend.http.tracing import step
from sightserve.backend.http.uploads import FILE_FIELDS, read_one

router = APIRouter(tags=["torchserve"])
uploads = APIRouter(prefix="/predictions", tags=["torchserve"], route_class=UploadRoute)

_FIELDS: Final = FILE_FIELDS | {"data", "body"}
_HIDDEN: dict[str, Any] = {"include_in_schema": False}


# `curl -T`, as its documentation has it, is a PUT
@uploads.put("/{name}/{version}", **_HIDDEN)
@uploads.post("/{name}/{version}", **_HIDDEN)
@uploads.put("/{name}", **_HIDDEN)
@uploads.post(
    "/{name}",
    summary="Classify one image",
    response_model=dict[str, float],
    responses=told_as("/predictions", *IMAGE_ERRORS, ErrorCode.NOT_FOUND),
    openapi_extra=TORCHSERVE | path_parameters("name"),
)
async def predictions(request: Request) -> Response:
    """Give the five most probable labels and their probabilities."""
    backend, ticket = named_backend(request), ticket_of(request.scope)
    with step("upload"):
        async with backend.scheduler.uploading(ticket):
            upload = await read_one(request, body_limits(backend, ticket), fields=_FIELDS)
    answer = await classify_one(request, upload, Parameters())
    prediction = Prediction.model_validate_json(answer.body)
    ranked = {each.label: each.probability for each in prediction.top_k}
    return Response(to_json(ranked), media_type="application/json", headers=id_header(prediction))


@router.get("/ping", summary="Is it ready for work?", responses=error_responses(ErrorCode.NOT_READY))
async def ping(request: Request) -> Ping:
    """Say what `/health/ready` says."""
    check_ready(request)
    return Ping(status="Healthy")
