"""Is the process alive, is it ready: for load balancers, without authentication and without waiting for inference."""

from fastapi import APIRouter, Request

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Health
from sightserve.backend.errors import NotReady
from sightserve.backend.http.openapi import error_responses

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="Does the process live?", responses=error_responses(ErrorCode.NOT_READY))
async def live(request: Request) -> Health:
    """200 as long as the event loop turns and no slot hangs. Restart the process when it does not answer so."""
    hung = request.app.state.backend.scheduler.hung_slots
    if hung:
        raise NotReady(
            f"{hung} slot(s) hang; others have taken their place, but a restart would free their memory and CPU"
        )
    return Health(status="alive")


@router.get("/ready", summary="Is it ready for work?", responses=error_responses(ErrorCode.NOT_READY))
async def ready(request: Request) -> Health:
    """200 once the model is loaded and warm; 503 before, and while draining. Send no traffic while it is 503."""
    if not request.app.state.lifecycle.ready:
        raise NotReady("the model is being loaded, or the server is shutting down")
    return Health(status="ready")
