"""Who we are to a backend: the service account that there is, or the person that gcloud knows on a laptop."""

import os
import subprocess
import time
from shutil import which
from typing import Final

from sightserve.client.addresses import origin
from sightserve.client.discovery import Way, identified, read_places
from sightserve.client.errors import IdentityError
from sightserve.client.identity import Identity, Token, fetch_token

_TOKEN_SECONDS: Final = 3000.0  # gcloud's tokens live an hour; it keeps them for a while
_GCLOUD_SECONDS: Final = 20.0


def identity_for(url: str) -> Identity | None:
    """Return what gets the ID tokens for a backend; None for no Cloud Run service, or where SIGHTSERVE_IDENTITY says never.

    Raises:
        ValueError: SIGHTSERVE_IDENTITY has a value that is none of its three.
        IdentityError: a token would travel in the clear.
    """
    return identity(url) if identified(url, Way.BACKEND, read_places().identity) else None


def identity(url: str) -> Identity:
    """Return what gets the ID tokens for a backend.

    Raises:
        IdentityError: a token would travel in the clear.
    """
    return Identity(url, fetch=lambda: _token(url))


def _token(url: str) -> Token:
    """Return a token of the service account that there is, or of the person that gcloud knows.

    Google gives no ID token for a service to a person's application-default credentials; gcloud has one that Cloud Run takes
    (https://cloud.google.com/run/docs/authenticating/developers).
    """
    try:
        return fetch_token(origin(url))
    except IdentityError:
        gcloud = which("gcloud")
        if gcloud is None or os.environ.get("K_SERVICE"):
            raise
        try:
            run = subprocess.run(  # noqa: S603 - no shell, and every word is ours
                [gcloud, "auth", "print-identity-token", "--quiet"],
                capture_output=True, text=True, check=False, timeout=_GCLOUD_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            run = None
        if run is None or run.returncode or not (token := run.stdout.strip()):
            raise
        return Token(token, time.time() + _TOKEN_SECONDS)
