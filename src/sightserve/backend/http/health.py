"""Is the process alive, is it ready: for load balancers, without authentication."""

from fastapi import APIRouter, Request

from sightserve.api.schema import Health, Problem
from sightserve.backend.errors import NotReady
from sightserve.backend.http.problems import MEDIA_TYPE

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="Does the process live?")
async def live() -> Health:
    """Answers as long as the event loop turns. Restart the process when it does not."""
    return Health(status="alive")


@router.get(
    "/ready",
    summary="Is it ready for work?",
    responses={503: {"model": Problem, "description": "starting or draining", "content": {MEDIA_TYPE: {}}}},
)
async def ready(request: Request) -> Health:
    """200 once the model is loaded and warm; 503 before, and while draining. Send no traffic while it is 503."""
    if not request.app.state.ready:
        raise NotReady("the model is being loaded, or the server is shutting down")
    return Health(status="ready")
