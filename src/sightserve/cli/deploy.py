"""`sightserve deploy cloud-run`: both halves to an address that people can open."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sightserve.cli.extras import fail, needs
from sightserve.cli.model_option import MODEL_HELP
from sightserve.cli.terminal import console, printable

if TYPE_CHECKING:
    from rich.console import Console

    from sightserve.deploy.options import Options
    from sightserve.deploy.steps import Step

app = typer.Typer(help="Put both halves where people can reach them.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Put both halves where people can reach them."""


@app.command("cloud-run")
def cloud_run(
    project: Annotated[str, typer.Option(help="Id of the Google Cloud project.", envvar="SIGHTSERVE_CLOUD_PROJECT")],
    region: Annotated[str, typer.Option(help="Such as europe-west1.", envvar="SIGHTSERVE_CLOUD_REGION")],
    prefix: Annotated[str, typer.Option(help="What everything that is made is called after.")] = "sightserve",
    builder: Annotated[
        str, typer.Option(help="What builds the images: cloud-build, docker, podman or buildah.")
    ] = "cloud-build",
    build_region: Annotated[
        str, typer.Option(help="Where Cloud Build builds: some projects may use few regions only, all may use this.")
    ] = "global",
    tag: Annotated[
        str | None, typer.Option(help="Of the images; unless given, the commit, and a hash of what differs from it.")
    ] = None,
    source: Annotated[Path, typer.Option(help="The root of this repository.")] = Path(),
    backend_image: Annotated[
        str | None, typer.Option(help="A backend image to deploy in place of one built here.")
    ] = None,
    model: Annotated[str | None, typer.Option(help=f"{MODEL_HELP} It goes into the backend's image.")] = None,
    cpu: Annotated[int, typer.Option(help="vCPUs of a backend instance: 1, 2, 4, 6 or 8.")] = 2,
    memory: Annotated[
        str | None, typer.Option(help="Of a backend instance; unless given, what the model and vCPUs need.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Requests that a backend instance has at once; unless given, 32 for each vCPU.")
    ] = None,
    min_instances: Annotated[int, typer.Option(help="Backend instances that are always there.")] = 0,
    max_instances: Annotated[int, typer.Option(help="Backend instances at most: what it may cost.")] = 10,
    backend_env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of the backend; again for each.")
    ] = None,
    frontend_cpu: Annotated[int, typer.Option(help="vCPUs of a web app instance.")] = 1,
    frontend_memory: Annotated[str, typer.Option(help="Of a web app instance.")] = "2Gi",
    frontend_concurrency: Annotated[
        int, typer.Option(help="Open pages and uploads that a web app instance has at once.")
    ] = 250,
    frontend_min_instances: Annotated[int, typer.Option(help="Web app instances that are always there.")] = 0,
    frontend_max_instances: Annotated[int, typer.Option(help="Web app instances at most.")] = 3,
    frontend_env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of the web app; again for each.")
    ] = None,
    private_frontend: Annotated[
        bool, typer.Option(help="Let only people with a right to it open the web app.")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Remove what this command made.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the commands, run none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before removing.")] = False,
) -> None:
    """Deploy to Google Cloud Run: a private backend, and a web app that finds it by itself.

    Needs gcloud, logged in, and a project with billing. Safe to run again; stops at the first step that fails.
    """
    from sightserve.deploy import check
    from sightserve.deploy.cloud_run import plan, removal
    from sightserve.deploy.options import MODEL_VARIABLE, Builder, InvalidOption, Options, Size, backend_size
    from sightserve.deploy.steps import script
    from sightserve.deploy.tag import tag_of
    from sightserve.deploy.variables import InvalidVariable, read_variables

    with needs("backend"):
        from sightserve.bundle.store import models_directory
        from sightserve.deploy.model import UnfitModel, check_memory, memory_for, read_model

    if builder not in list(Builder):
        fail(f"--builder {builder!r}: it needs to be one of {', '.join(Builder)}")
    variables = list(backend_env or ())
    try:
        own = None if model is None or delete else read_model(model, models_directory())
        if own is None and model is not None:
            variables.append(f"{MODEL_VARIABLE}={model}")  # an embedded one: every image has it
        size = backend_size(cpu, memory, concurrency, min_instances, max_instances)
        if own is not None and memory is None:
            size = replace(size, memory=f"{max(size.mebibytes, memory_for(own, cpu))}Mi")
        elif own is not None and (warning := check_memory(own, cpu, size.mebibytes)):
            typer.secho(warning, err=True, fg=typer.colors.YELLOW)
        options = Options(
            project=project,
            region=region,
            prefix=prefix,
            tag=tag or tag_of(source),
            source=source,
            builder=Builder(builder),
            private_frontend=private_frontend,
            backend_image=backend_image,
            model=own,
            backend=size,
            frontend=Size(
                frontend_cpu, frontend_memory, frontend_concurrency, frontend_min_instances, frontend_max_instances
            ),
            build_region=build_region,
            backend_env=read_variables(variables),
            frontend_env=read_variables(frontend_env or ()),
        )
        steps = removal(options) if delete else plan(options)
    except (InvalidOption, InvalidVariable, UnfitModel) as exc:
        fail(str(exc))
    if dry_run:
        typer.echo(script(steps))
        if not delete:
            typer.echo(check.as_shell(options))
    elif delete:
        _delete(options, steps, yes)
    else:
        _deploy(options, steps)


def _deploy(options: "Options", steps: Sequence["Step"]) -> None:
    from sightserve.deploy.check import check
    from sightserve.deploy.images import BUILD_CONFIG, DOCKERFILE, MODEL_BUILD_CONFIG, MODEL_DOCKERFILE
    from sightserve.deploy.run import CommandFailed

    needed = (DOCKERFILE, BUILD_CONFIG, *((MODEL_DOCKERFILE, MODEL_BUILD_CONFIG) if options.model else ()))
    missing = [name for name in needed if not (options.source / name).is_file()]
    if missing:
        fail(
            f"{missing[0]} is not below {options.source.resolve()}: run this at the root of the repository, or say --source"
        )
    from rich.markup import escape

    screen = console()
    _carry_out(steps, screen)
    screen.print("Trying it: a photo through the backend ...")
    try:
        seen = check(options)
    except CommandFailed as exc:
        _stop("the last check", exc)
    screen.print(
        f"  espresso.jpg is [bold]{escape(printable(seen.label))}[/], {seen.probability:.0%} sure,"
        f" says {escape(printable(seen.model))} after {seen.seconds:.1f} s\n\n"
        f"  Backend   {seen.backend}  (private)\n  Web app   [bold]{seen.frontend}[/]\n"
    )
    if options.private_frontend:
        screen.print(
            f"  It is private. To open it:  gcloud run services proxy {options.service('frontend')}"
            f" --region={options.region} --project={options.project}\n",
            soft_wrap=True,
        )


def _delete(options: "Options", steps: Sequence["Step"], yes: bool) -> None:
    if not yes:
        for step in steps:
            typer.echo(f"  {step.title}")
        if not typer.confirm(f"Remove all this from the project {options.project}?", default=False):
            raise typer.Exit(1)
    _carry_out(steps, console())
    typer.echo("Removed. The APIs are still on.")


def _carry_out(steps: Sequence["Step"], screen: "Console") -> None:
    from sightserve.deploy.run import CommandFailed, carry_out

    number, began, step = 0, 0.0, steps[0]
    try:
        for step, outcome in carry_out(steps):
            if outcome is None:
                number, began = number + 1, time.monotonic()
                screen.print(f"[bold]{number}/{len(steps)}[/] {step.title} ...")
            else:
                screen.print(f"     [green]{outcome}[/] ({time.monotonic() - began:.0f} s)")
    except CommandFailed as exc:
        _stop(f"step {number} of {len(steps)}: {step.title}", exc)
    except KeyboardInterrupt:
        fail("stopped. The same command goes on where this was.", code=130)


def _stop(where: str, error: Exception) -> None:
    from sightserve.deploy.run import CommandFailed

    advice = error.advice if isinstance(error, CommandFailed) else ""
    lines = (
        f"failed at {where}",
        str(error),
        advice,
        "After that, run the same command again: it goes on where this was.",
    )
    fail("\n".join(line for line in lines if line), code=1)
