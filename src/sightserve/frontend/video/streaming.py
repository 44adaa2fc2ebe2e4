"""Streaming for the Video page: files on disk as addresses that a player can seek in, never whole in memory.

Streamlit's own media store keeps a file in memory for as long as it is shown; a video may be hundreds of megabytes. Who has an
address may read the file: each has a secret of its own, which goes when the file goes.
"""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

_TYPES: Final = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}
_files: dict[str, Path] = {}


def publish(path: Path) -> str:
    """Return a secret for this file; `address` makes an address of it."""
    secret = secrets.token_urlsafe(24)
    _files[secret] = path
    return secret


def withdraw(*given: str) -> None:
    """Forget secrets: their addresses lead nowhere from now on."""
    for secret in given:
        _files.pop(secret, None)


def address(secret: str, name: str, *, download: bool = False) -> str:
    """Return the address under which this app serves the file; a browser saves it under this name.

    It is relative to the page, wherever a proxy has that: nobody here needs to know.
    """
    return f"videos/{secret}/{quote(name, safe='')}{'?download=1' if download else ''}"


async def _serve(request: "Request") -> Response:
    path = _files.get(request.path_params["secret"])
    if path is None or not path.is_file():
        return PlainTextResponse("This video is not here any more.", status_code=404)
    name = request.path_params["name"] if request.query_params.get("download") else None
    return FileResponse(
        path,
        media_type=_TYPES.get(path.suffix.lower(), "application/octet-stream"),
        filename=name,
        headers={"cache-control": "private, no-store"},
    )


# Below any path: a proxy may have the app below one, and strip it or not. What lets in is the secret.
ROUTE: Final = Route("/{below:path}videos/{secret}/{name}", _serve, methods=["GET"])
