"""The documentation page. Its scripts come with fastapi-swagger: FastAPI's own page loads them from elsewhere."""

import html

import fastapi_swagger
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html

_SETTINGS = {"tryItOutEnabled": True, "persistAuthorization": True, "filter": True, "displayRequestDuration": True}


def add_docs(api: FastAPI) -> None:
    """Serve `/docs` and what it loads.

    fastapi-swagger's own page names its scripts with scheme and host, which behind a proxy are others than here; so this one
    is found first, and names them by their path.
    """

    @api.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{root}{api.openapi_url}",
            title=html.escape(api.title),  # the page takes it as markup
            swagger_js_url=f"{root}/swagger/swagger-ui-bundle.js",
            swagger_css_url=f"{root}/swagger/swagger-ui.css",
            swagger_favicon_url=f"{root}/swagger/favicon-32x32.png",
            swagger_ui_parameters=_SETTINGS,
        )

    fastapi_swagger.patch_fastapi(api, redirect_from_root_to_docs=False)
