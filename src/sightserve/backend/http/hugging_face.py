"""Image classification as Hugging Face's inference answers it, for `huggingface_hub.InferenceClient` and what is like it."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

import sightserve
from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Prediction
from sightserve.backend.errors import MalformedRequest, ParameterError
from sightserve.backend.http.admission import Parameters, UploadRoute
from sightserve.backend.http.classify import backend_of, classify_one, id_header, named_backend, whole_body
from sightserve.backend.http.health import check_ready
from sightserve.backend.http.json_bodies import parsed, photo_in
from sightserve.backend.http.openapi import ACCESS_ERRORS, IMAGE_ERRORS, told_as
from sightserve.backend.http.openapi_clients import HUGGING_FACE, path_parameters
from sightserve.backend.http.protocols import EndpointInfo, Ready, Score
from sightserve.backend.http.uploads import Upload

router = APIRouter(prefix="/hf", tags=["hugging face"])
uploads = APIRouter(prefix="/hf", tags=["hugging face"], route_class=UploadRoute)

_SCORES = TypeAdapter(list[Score])
_BLANKS = 16  # bytes of white space that may stand before a JSON object
_CLASSIFY: dict[str, Any] = {"response_model": list[Score], "responses": told_as("/hf", *IMAGE_ERRORS)}
_ERRORS_OF_NAMED = told_as("/hf", *IMAGE_ERRORS, ErrorCode.NOT_FOUND)


class Asked(BaseModel):
    """The `parameters` of a request; None is what was left out."""

    top_k: Annotated[int, Field(ge=1)] | None = None
    function_to_apply: str | None = None


@uploads.post("", summary="Classify one image", openapi_extra=HUGGING_FACE, **_CLASSIFY)
@uploads.post("/", include_in_schema=False)
async def classify(request: Request) -> Response:
    """Give labels and scores for an image as it is, whatever its content type, or for JSON with it in base64."""
    backend = backend_of(request)
    body = await whole_body(request)
    if not body:
        raise MalformedRequest("the body is empty: send an image, or JSON with its base64 in 'inputs'")
    # no image begins with a brace; content types are what a client guessed
    photo, asked = _read(body) if body[:_BLANKS].lstrip().startswith(b"{") else (body, Asked())
    own = "softmax" if backend.bundle.manifest.output.meaning == "exclusive" else "sigmoid"
    if asked.function_to_apply not in {None, own}:
        raise ParameterError(f"function_to_apply: this model's scores are made by {own}, and by nothing else")
    top_k = {} if asked.top_k is None else {"top_k": min(asked.top_k, len(backend.bundle.labels))}
    answer = await classify_one(request, Upload(photo), Parameters(**top_k))
    prediction = Prediction.model_validate_json(answer.body)
    scores = [Score(label=each.label, score=each.probability) for each in prediction.top_k]
    return Response(_SCORES.dump_json(scores), media_type="application/json", headers=id_header(prediction))


@uploads.post(
    "/models/{name:path}",
    summary="Classify one image by the model of this name",
    openapi_extra=HUGGING_FACE | path_parameters("name"),
    **_CLASSIFY | {"responses": _ERRORS_OF_NAMED},
)
async def classify_by_name(request: Request) -> Response:
    """Answer as `/hf` does, or with 404 where another model answers."""
    named_backend(request)
    return await classify(request)


@router.get(
    "/health",
    summary="Is it ready for work?",
    response_model_exclude_none=True,
    responses=told_as("/hf", ErrorCode.NOT_READY),
)
async def health(request: Request) -> Ready:
    """Say what `/health/ready` says, to `InferenceClient.health_check`."""
    check_ready(request)
    return Ready(ready=True)


@router.get("/info", summary="Which model answers", responses=told_as("/hf", *ACCESS_ERRORS))
async def info(request: Request) -> EndpointInfo:
    """Tell `InferenceClient.get_endpoint_info` which it is."""
    manifest = backend_of(request).bundle.manifest
    return EndpointInfo(model_id=manifest.name, model_sha=manifest.model.sha256, version=sightserve.__version__)


def _read(body: bytes) -> tuple[bytes, Asked]:
    sent = parsed(body)
    if "inputs" not in sent:
        raise MalformedRequest("the JSON has no 'inputs': send the image's base64 there")
    photo = photo_in(sent["inputs"], "inputs")
    try:
        return photo, Asked.model_validate(sent.get("parameters") or {})
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(["parameters", *(str(part) for part in first["loc"])])
        raise ParameterError(f"{where}: {first['msg']}") from exc
