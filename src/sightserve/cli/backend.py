"""How a command reaches a backend: with an API key, and with an ID token where it is a private Cloud Run service."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sightserve.cli.extras import fail

if TYPE_CHECKING:
    from sightserve.client import Client
    from sightserve.client.identity import Identity, Token

_TOKEN_SECONDS: Final = 3000.0  # gcloud's tokens live an hour; it keeps them for a while
_GCLOUD_SECONDS: Final = 20.0

ApiKey = Annotated[
    str,
    typer.Option(
        envvar="SIGHTSERVE_API_KEY",
        show_envvar=True,
        help="Key for a backend that has keys; better from the environment, where no list of processes shows it.",
    ),
]


def open_client(url: str, api_key: str) -> Client:
    """Return a client; the command ends with a sentence where the address or the key is none."""
    from sightserve.client import Client

    try:
        return Client(url, api_key=api_key or None, auth=identity_for(url))
    except ValueError as exc:
        fail(str(exc))


def identity_for(url: str) -> Identity | None:
    """Return what gets the ID tokens for a backend; None for no Cloud Run service, or where SIGHTSERVE_IDENTITY says never."""
    from sightserve.client.discovery import Way, identified, read_places
    from sightserve.client.errors import IdentityError
    from sightserve.client.identity import Identity

    try:
        if not identified(url, Way.BACKEND, read_places().identity):
            return None
        return Identity(url, fetch=lambda: _token(url))
    except ValueError as exc:
        fail(str(exc))
    except IdentityError as exc:
        fail(str(exc))


def _token(url: str) -> Token:
    """Return a token of the service account that there is, or of the person that gcloud knows.

    Google gives no ID token for a service to a person's application-default credentials; gcloud has one that Cloud Run takes
    (https://cloud.google.com/run/docs/authenticating/developers).
    """
    from sightserve.client.addresses import origin
    from sightserve.client.errors import IdentityError
    from sightserve.client.identity import Token, fetch_token

    try:
        return fetch_token(origin(url))
    except IdentityError:
        gcloud = shutil.which("gcloud")
        if gcloud is None or os.environ.get("K_SERVICE"):
            raise
        try:
            run = subprocess.run(  # noqa: S603 - no shell, and every word is ours
                [gcloud, "auth", "print-identity-token", "--quiet"],
                capture_output=True, text=True, check=False, timeout=_GCLOUD_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            raise
        if run.returncode or not (token := run.stdout.strip()):
            raise
        return Token(token, time.time() + _TOKEN_SECONDS)
