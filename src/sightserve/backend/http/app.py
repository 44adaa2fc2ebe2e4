"""The ASGI application: routes, problems, middleware and documentation around one backend."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import fastapi_swagger
from fastapi import FastAPI

import sightserve
from sightserve.backend.build import Backend
from sightserve.backend.http import health, routes
from sightserve.backend.http.middleware import RequestMiddleware
from sightserve.backend.http.openapi import DESCRIPTION
from sightserve.backend.http.problems import HANDLERS


def create_app(backend: Backend) -> FastAPI:
    """Return the application that serves this backend."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.ready = True
        yield
        app.state.ready = False
        backend.pipeline.close()

    app = FastAPI(
        title="Sightserve",
        version=sightserve.__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        redirect_slashes=False,  # a redirected POST sends its photo twice
        docs_url=None,  # FastAPI's own page loads its scripts from elsewhere; fastapi-swagger ships them
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.backend = backend
    app.state.ready = False
    app.add_middleware(RequestMiddleware, metrics=backend.metrics)
    app.include_router(routes.router)
    app.include_router(health.router)
    fastapi_swagger.patch_fastapi(app, redirect_from_root_to_docs=False)
    return app
