"""How a command reaches a backend: with an API key, and with an ID token where it is a private Cloud Run service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sightserve.cli.extras import fail

if TYPE_CHECKING:
    from sightserve.client import Client
    from sightserve.client.protocol import Source

ApiKey = Annotated[
    str,
    typer.Option(
        envvar="SIGHTSERVE_API_KEY",
        show_envvar=True,
        help="Key for a backend that has keys; better from the environment, where no list of processes shows it.",
    ),
]


def open_client(url: str, api_key: str, source: Source = "command") -> Client:
    """Return a client; the command ends with a sentence where the address or the key is none."""
    from sightserve.client import Client, ClientError
    from sightserve.client.caller import identity_for

    try:
        return Client(url, api_key=api_key or None, auth=identity_for(url), source=source)
    except (ValueError, ClientError) as exc:
        fail(str(exc))
