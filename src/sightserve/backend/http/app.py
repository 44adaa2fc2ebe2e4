"""The ASGI application: what every request passes, from the outside in, around one backend.

RequestMiddleware    id, log, metrics, the last resort for errors
CORSMiddleware       only where origins are configured
AccessMiddleware     only where API keys are configured
AdmissionMiddleware  a place in the queue, or a refusal, before a body is read
FastAPI              routes, documentation, errors as problems
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

import sightserve
from sightserve.backend.build import Backend
from sightserve.backend.http import admin, feedback, health, hugging_face, inference_v2, routes, torchserve
from sightserve.backend.http.access import AccessMiddleware
from sightserve.backend.http.admission import AdmissionMiddleware
from sightserve.backend.http.classify import ID_HEADER
from sightserve.backend.http.docs import add_docs
from sightserve.backend.http.lifecycle import Lifecycle
from sightserve.backend.http.middleware import Ledger, RequestMiddleware
from sightserve.backend.http.openapi import description_of
from sightserve.backend.http.problems import HANDLERS
from sightserve.backend.http.tracing import Tracing
from sightserve.backend.reload import Reloader
from sightserve.logs.lines import AccessLog

_WATCHDOG_SECONDS = 0.25


def create_app(
    backend: Backend,
    lifecycle: Lifecycle | None = None,
    access_log: AccessLog | None = None,
    tracing: Tracing | None = None,
    reloader: Reloader | None = None,
) -> ASGIApp:
    """Return the whole application for this backend."""
    lifecycle = lifecycle or Lifecycle()
    settings = backend.settings
    reloader = reloader or Reloader(backend)
    app: ASGIApp = AdmissionMiddleware(create_api(reloader, lifecycle), _uploads(), lambda: reloader.backend)
    if settings.api_keys:
        app = AccessMiddleware(app, settings.api_keys, settings.rate_limit)
    if settings.allowed_origins:
        headers = [
            "authorization", "content-type", "x-api-key", "x-request-id", "x-request-deadline-ms",
            "traceparent", "tracestate", "content-encoding", "inference-header-content-length",
        ]  # fmt: skip
        exposed = ["retry-after", "x-request-id", "inference-header-content-length", ID_HEADER.lower()]
        methods = ["GET", "POST", "DELETE"]
        app = CORSMiddleware(
            app, settings.allowed_origins, allow_methods=methods, allow_headers=headers, expose_headers=exposed
        )
    return RequestMiddleware(app, Ledger(backend.metrics, access_log), lifecycle, tracing)


def create_api(reloader: Reloader, lifecycle: Lifecycle) -> FastAPI:
    """Return the routes and their documentation, without what surrounds them."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        reloader.start()
        watchdog = asyncio.create_task(_watch(reloader))
        lifecycle.ready = True
        yield
        lifecycle.ready = False
        watchdog.cancel()
        with suppress(asyncio.CancelledError):
            await watchdog
        await reloader.close()

    api = FastAPI(
        routes=_uploads(),  # first, and not by way of `include_router`, which looks each path up twice
        title=reloader.backend.title,
        version=sightserve.__version__,
        description=description_of(reloader.backend.bundle),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        telemetry={"tracing": False},  # `tracing` says more, and costs nothing where nobody collects
        redirect_slashes=False,  # a redirected POST sends its photo twice
        docs_url=None,  # FastAPI's own page loads its scripts from elsewhere; fastapi-swagger ships them
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    api.state.backend = reloader.backend
    api.state.reloader = reloader
    reloader.on_swap = partial(_swap, api)
    api.state.lifecycle = lifecycle
    for module in (routes, feedback, health, inference_v2, hugging_face, torchserve):
        api.include_router(module.router)
    if reloader.backend.settings.admin:
        api.include_router(admin.router)
    add_docs(api)
    return api


def _swap(api: FastAPI, backend: Backend) -> None:
    """Have requests answered, and the documentation speak, by another model."""
    api.state.backend = backend
    api.title, api.description = backend.title, description_of(backend.bundle)
    api.openapi_schema = None


def _uploads() -> list[BaseRoute]:
    """Return the routes that take a body, the busiest first."""
    return [route for module in (routes, inference_v2, hugging_face, torchserve) for route in module.uploads.routes]


async def _watch(reloader: Reloader) -> None:
    """Notice slots that hang, and keep the gauges current, as long as the server runs."""
    while True:
        await asyncio.sleep(_WATCHDOG_SECONDS)
        reloader.check()
        reloader.backend.observe()
