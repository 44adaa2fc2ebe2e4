"""What only who runs the server may ask: another model. There is no such address unless the settings say so."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import ValidationError

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Reload, Reloaded
from sightserve.backend.errors import MalformedRequest, ParameterError, PayloadTooLarge
from sightserve.backend.http.openapi import ACCESS_ERRORS, error_responses
from sightserve.backend.reload import Reloader
from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import EMBEDDED
from sightserve.bundle.store import NAME, added

router = APIRouter(prefix="/admin", tags=["admin"])
_MOST_BYTES = 4096
_JSON = "application/json"


@router.post(
    "/reload",
    summary="Load the model again, or another one",
    status_code=HTTPStatus.OK,
    responses=error_responses(
        *ACCESS_ERRORS,
        ErrorCode.MALFORMED_REQUEST,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.INVALID_PARAMETER,
        ErrorCode.RELOAD_FAILED,
    ),
    openapi_extra={
        "requestBody": {"required": True, "content": {_JSON: {"schema": Reload.model_json_schema()}}},
    },
)
async def reload(request: Request) -> Reloaded:
    """Try it beside the one that serves, and have it answer from then on: no request is lost, and a failure changes nothing."""
    reloader: Reloader = request.app.state.reloader
    wanted = await _read(request)
    old, new = await reloader.reload(
        None if wanted.model is None else _located(wanted.model, reloader.backend.settings)
    )
    return Reloaded(model=new.model, before=old.model)


async def _read(request: Request) -> Reload:
    # A page of a stranger's makes a visitor's browser send anything but this type without asking.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise MalformedRequest(f'send {_JSON}: {{}} for the same model, or {{"model": NAME}}')
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise PayloadTooLarge(f"more than {_MOST_BYTES:,} bytes")
    try:
        return Reload.model_validate_json(body)
    except ValidationError as exc:
        raise MalformedRequest(
            f'{{}} or {{"model": NAME}} is what is understood here: {exc.errors()[0]["msg"]}'
        ) from exc


def _located(name: str, settings: Settings) -> str:
    """Return an embedded or added model as `Settings.model` names it: nobody chooses other folders over the network."""
    if name in EMBEDDED:
        return name
    directory = settings.models_dir / name
    if NAME.fullmatch(name) and directory in added(settings.models_dir):
        return str(directory)
    names = ", ".join([*EMBEDDED, *(path.name for path in added(settings.models_dir))])
    raise ParameterError(f"model: there is none of this name here; there are {names}")
