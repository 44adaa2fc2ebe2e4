"""`sightserve loadtest`: load on either half or both, as people make it."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sightserve.cli.extras import fail, needs
from sightserve.loadtest.goals import Goals, InvalidValue, duration, share
from sightserve.loadtest.plan import API_KEY_VARIABLE, API_PHONE_SHARE, VISITOR_PHONE_SHARE, Plan, Shape

_KEY_HELP = "Key for the API; better from the environment, where no list of processes shows it."


def loadtest(
    backend: Annotated[str, typer.Option(help="URL of the API to load.")] = "",
    frontend: Annotated[str, typer.Option(help="URL of the web app to load, as browsers do.")] = "",
    users: Annotated[int, typer.Option(help="Users at once, shared by the halves; for a ramp, the most.")] = 10,
    spawn_rate: Annotated[float, typer.Option(help="Users that join each second.")] = 2.0,
    run_time: Annotated[str, typer.Option(help="How long at most: 60s, 5m, 1h.")] = "60s",
    shape: Annotated[
        Shape,
        typer.Option(
            help="steady; ramp: more and more until it breaks; spike; arrivals: open loop at --rps, API only."
        ),
    ] = Shape.STEADY,
    rps: Annotated[float, typer.Option(help="Requests a second, for --shape arrivals.")] = 10.0,
    photos: Annotated[str, typer.Option(help="A folder of photos; the samples where none is named.")] = "",
    api_every: Annotated[str, typer.Option(help="An API user's time from request to request.")] = "1s",
    visitor_every: Annotated[str, typer.Option(help="A visitor's time from photo to photo.")] = "10s",
    visit_photos: Annotated[int, typer.Option(help="Photos in a visit.")] = 3,
    phone_photos: Annotated[
        str | None,
        typer.Option(
            help="Share of photos with 12 megapixels; unless given, 80 % of visitors' and 20 % of API users'."
        ),
    ] = None,
    api_phone_photos: Annotated[str | None, typer.Option(help="The same for API users alone.")] = None,
    bad_files: Annotated[str, typer.Option(help="Share of API requests with a file that is no photo.")] = "4%",
    batches: Annotated[str, typer.Option(help="Share of API requests with several photos.")] = "4%",
    batch_visitors: Annotated[str, typer.Option(help="Share of visitors that use the Batch page.")] = "0%",
    assets: Annotated[
        bool, typer.Option(help="Load the page's scripts too, as a browser does the first time.")
    ] = False,
    timeout: Annotated[str, typer.Option(help="After which an answer is given up.")] = "30s",
    p50: Annotated[str | None, typer.Option(help="Goal: half of each half's answers, such as 100ms.")] = None,
    p95: Annotated[
        str | None, typer.Option(help="Goal: 95 of 100 answers, such as 500ms; a visitor's with its photo's upload.")
    ] = None,
    p99: Annotated[str | None, typer.Option(help="Goal: 99 of 100 answers.")] = None,
    failures: Annotated[str | None, typer.Option(help="Goal: share of requests that fail, such as 1%.")] = None,
    refusals: Annotated[str | None, typer.Option(help="Goal: share of requests that are refused (503).")] = None,
    report: Annotated[str, typer.Option(help="Write Locust's page of charts, one file that needs no internet.")] = "",
    json_file: Annotated[str, typer.Option("--json", help="Write the figures; `sightserve capacity` reads them.")] = "",
    web: Annotated[int, typer.Option(help="Show Locust's own page on this port of this machine.")] = 0,
    api_key: Annotated[str, typer.Option(envvar=API_KEY_VARIABLE, help=_KEY_HELP)] = "",
) -> None:
    """Load the API, the web app, or both. Exit code 1 when a stated goal was missed, 2 when nothing could be loaded."""
    with needs("loadtest"):
        _need("locust", "geventhttpclient", "websocket", "prometheus_client", "PIL")
    if frontend:
        with needs("frontend"):
            _need("streamlit")
    try:
        plan = Plan(
            backend=backend.rstrip("/"),
            frontend=frontend.rstrip("/"),
            users=users,
            spawn_rate=spawn_rate,
            seconds=duration(run_time),
            shape=shape,
            rps=rps,
            api_every=duration(api_every),
            visitor_every=duration(visitor_every),
            visit_photos=visit_photos,
            phone_share=share(api) if (api := api_phone_photos or phone_photos) else API_PHONE_SHARE,
            visitor_phone_share=share(phone_photos) if phone_photos else VISITOR_PHONE_SHARE,
            bad_share=share(bad_files),
            batch_share=share(batches),
            batch_visitors=share(batch_visitors),
            assets=assets,
            photos=photos,
            timeout=duration(timeout),
            goals=Goals(_time(p50), _time(p95), _time(p99), _part(failures), _part(refusals)),
            report=report,
            json_file=json_file,
            web=web,
        )
        plan.check()
    except InvalidValue as exc:
        fail(str(exc))
    for path in filter(None, (report, json_file)):
        if not Path(path).resolve().parent.is_dir():
            fail(f"{path}: there is no such folder")  # now, and not after an hour of load
    environment = {**os.environ, **plan.to_environment(), **({API_KEY_VARIABLE: api_key} if api_key else {})}
    # Locust's gevent replaces sockets and threads: in a process of its own, which takes this one's place.
    words = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "sightserve.loadtest.generator"]
    os.execve(words[0], words, environment)  # noqa: S606 - no shell, and every word is ours


def _need(*modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise ModuleNotFoundError(name=module)


def _time(text: str | None) -> float | None:
    return None if text is None else duration(text)


def _part(text: str | None) -> float | None:
    return None if text is None else share(text)
