"""Is the process alive, is it ready: for load balancers, without authentication and without waiting for inference."""

from fastapi import APIRouter, Request

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Health
from sightserve.backend.errors import NotReady
from sightserve.backend.http.openapi import error_responses

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="Does the process live?")
async def live() -> Health:
    """200 as long as the event loop turns. Restart the process when it does not answer."""
    return Health(status="alive")


@router.get("/ready", summary="Is it ready for work?", responses=error_responses(ErrorCode.NOT_READY))
async def ready(request: Request) -> Health:
    """200 while a slot can work; 503 before the model is loaded, and while draining. Send no traffic while it is 503."""
    check_ready(request)
    return Health(status="ready")


def check_ready(request: Request) -> None:
    """Raise NotReady unless a slot can work."""
    if not request.app.state.lifecycle.ready:
        raise NotReady("the model is being loaded, or the server is shutting down")
    if not request.app.state.backend.scheduler.ready_slots:
        raise NotReady("no slot can work at the moment: they are being replaced")
