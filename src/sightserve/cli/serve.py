"""`sightserve serve`: the API."""

import gc
import os
from typing import Annotated, Any

import typer

from sightserve import lifeline
from sightserve.cli.extras import fail, needs
from sightserve.cli.model_option import MODEL_HELP


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; PORT sets it too (default: 8000).")
    ] = None,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP)] = None,
    cpus: Annotated[int | None, typer.Option(help="How many requests to work on at once (default: the CPUs).")] = None,
    root_path: Annotated[
        str | None, typer.Option(help="Where a proxy that strips it has the API, such as /api (default: at its root).")
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="auto, json or console (default: auto).")] = None,
) -> None:
    """Serve the API until Ctrl-C.

    Every setting can also come from the environment, as SIGHTSERVE_HOST, SIGHTSERVE_PORT and so on; a flag wins.
    """
    lifeline.hold()
    with needs("backend"):
        from sightserve.backend.launch import spawn_first

        first = spawn_first()  # before what takes time to import; it ends by itself when this process does
        gc.disable()  # what is made until the server runs stays for good: looking for garbage in it is a waste of a start
        from pydantic import ValidationError

        from sightserve.backend.environment import InvalidEnvironment, settings_from
        from sightserve.backend.errors import ModelLoadError, SlotLost
        from sightserve.backend.serving.serve import serve as run
        from sightserve.feedback.errors import NoDatabase
    flags: dict[str, Any] = {
        "host": host,
        "port": port,
        "model": model,
        "cpus": cpus,
        "root_path": root_path,
        "log_format": log_format,
    }
    try:
        settings = settings_from(os.environ, flags)
    except InvalidEnvironment as exc:
        fail(str(exc))
    except ValidationError as exc:
        fail("; ".join(f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in exc.errors()))
    try:
        run(settings, first)
    except (ModelLoadError, SlotLost, NoDatabase) as exc:
        fail(str(exc), code=1)
    except OSError as exc:
        fail(f"cannot listen on {settings.uds or f'{settings.host}:{settings.port}'}: {exc.strerror or exc}", code=1)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
