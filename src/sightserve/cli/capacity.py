"""`sightserve capacity`: how many instances a load needs on Cloud Run, the command that makes them, and what they cost."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sightserve.cli.extras import fail
from sightserve.loadtest.goals import InvalidValue, duration

if TYPE_CHECKING:
    from sightserve.loadtest.analysis.capacity.plan import Service
    from sightserve.loadtest.analysis.capacity.simulate import Simulated

_MEASURED, _EXPECTED, _GOAL = "What was measured", "What will come", "The goal"


def capacity(
    report: Annotated[
        Path,
        typer.Option(
            "--from", help="JSON of `sightserve loadtest --json`, the API under a ramp.", rich_help_panel=_MEASURED
        ),
    ],
    web_report: Annotated[
        Path | None,
        typer.Option(
            "--web-from", help="The same of a ramp on the web app, where the first has none.", rich_help_panel=_MEASURED
        ),
    ] = None,
    slots: Annotated[
        int,
        typer.Option(
            min=0, help="Cores of the measured backend, where the load came from elsewhere.", rich_help_panel=_MEASURED
        ),
    ] = 0,
    visitors: Annotated[
        int, typer.Option(min=0, help="Visitors of the web app at once.", rich_help_panel=_EXPECTED)
    ] = 0,
    rps: Annotated[
        float, typer.Option(min=0.0, help="Or photos a second, of the API.", rich_help_panel=_EXPECTED)
    ] = 0.0,
    p50: Annotated[
        str | None, typer.Option(help="Half of the answers within, such as 50ms.", rich_help_panel=_GOAL)
    ] = None,
    p95: Annotated[str | None, typer.Option(help="95 of 100 answers within.", rich_help_panel=_GOAL)] = None,
    p99: Annotated[
        str | None, typer.Option(help="99 of 100 answers within; 300ms where no goal is stated.", rich_help_panel=_GOAL)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a load needs on Cloud Run: instances, the command that makes them, and what they cost.

    Works from times that `sightserve loadtest` measured, and asks nothing of any cloud. For example:

        sightserve capacity --from api.json --web-from web.json --visitors 5000
    """
    import sightserve.loadtest.analysis.capacity.plan as planning

    try:
        results = _read(report)
        web_results = _read(web_report) if web_report else results
        stated = [(percent, duration(text)) for percent, text in ((50, p50), (95, p95), (99, p99)) if text is not None]
        percent, goal = stated[-1] if stated else (99, 0.3)
        if len(stated) > 1:
            raise InvalidValue("state one goal: --p50, --p95 or --p99")
        if not rps and not visitors:
            raise InvalidValue("say how much there will be: --rps 200 or --visitors 5000")
        asked = rps or visitors / web_results["plan"]["visitor_every"]
        # what visitors send, the backend gets
        phones = results["plan"]["phone_share"] if rps else web_results["plan"]["visitor_phone_share"]
        times = planning.times_of(results, slots, None if rps else phones)
        service, usual = planning.backend(times, asked, goal, percent, results["model_bytes"])
        web = planning.web_app(web_results, visitors or asked * web_results["plan"]["visitor_every"])
        grows = planning.decades(service, planning.photo_bytes(results, phones))
        limits = planning.limits_of(service)
        command, regions = planning.deploy_line(service, web)
    except InvalidValue as exc:
        fail(str(exc))
    answer = {
        "rps": asked,
        "goal": {"percent": percent, "seconds": goal},
        "services": [{**asdict(one), "month": one.month} for one in (service, web) if one is not None],
        "command": command,
        "regions": regions,
        "expected": asdict(usual),
        "egress_month": planning.egress(asked, planning.data("prices")),
        "photos_month": asked * planning.HOURS * 3600,
        "growth": grows,
        "limits": [asdict(limit) for limit in limits],
        "prices": planning.data("prices"),
    }
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
    else:
        _print(answer, service, web, usual)


def _read(path: Path) -> dict[str, Any]:
    from sightserve.loadtest.analysis.schema import check

    try:
        return check(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as exc:
        raise InvalidValue(f"{path}: {exc}") from exc


def _print(answer: dict[str, Any], service: "Service", web: "Service | None", usual: "Simulated") -> None:
    from rich.console import Console
    from rich.table import Table

    console, photos = Console(), answer["photos_month"]
    goal = f"{answer['goal']['percent']} of 100 answers within {answer['goal']['seconds'] * 1000:.0f} ms"
    table = Table(title=f"{answer['rps']:,.1f} photos a second, {goal}", title_justify="left", box=None, pad_edge=False)
    for name in ("", "instances", "vCPU", "GiB", "concurrency", "$/month", "$/million photos"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for one in (service, web):
        if one is not None:
            table.add_row(one.name, f"{one.instances:,}", str(one.vcpu), f"{one.gib:g}", str(one.concurrency),
                          f"{one.month:,.0f}", f"{one.month / photos * 1e6:,.2f}")  # fmt: skip
    console.print(table)
    console.print(
        f"\nAn instance of the backend gets {service.per_instance:,.0f} photos a second; what decides is {service.limited_by}."
        f" Simulated there: p50 {usual.p50 * 1000:.0f} ms, p95 {usual.p95 * 1000:.0f} ms, p99 {usual.p99 * 1000:.0f} ms,"
        f" slots busy {usual.busy:.0%}."
        + (f" One of the web app gets {web.per_instance:,.0f} visitors." if web else "")
        + f" Answers that leave the region: $ {answer['egress_month']:,.0f} a month.\n",
        highlight=False,
    )
    everywhere = (
        f"In each of {answer['regions']} regions, with a project's baseline quota"
        if answer["regions"] > 1
        else "To have it, with your project and region"
    )
    typer.echo(f"{everywhere}:\n\n  {answer['command']}\n")  # not by rich, which would break the lines
    growth = Table(title="How the backend grows", title_justify="left", box=None, pad_edge=False)
    for name in ("photos/s", "instances", "vCPU", "Gbit/s in", "$/month", "limits passed"):
        growth.add_column(name, justify="right", no_wrap=True)
    for row in answer["growth"]:
        numbers = ", ".join(str(n) for n, limit in enumerate(answer["limits"], 1) if limit["rps"] < row["rps"])
        growth.add_row(f"{row['rps']:,}", f"{row['instances']:,}", f"{row['vcpu']:,}", f"{row['gbit_in']:,.2f}",
                       f"{row['month']:,.0f}", numbers or "-")  # fmt: skip
    console.print(growth)
    console.print()
    for number, limit in enumerate(answer["limits"], 1):
        console.print(
            f"{number}. from {limit['rps']:,.0f} photos/s: {limit['what']}. Then {limit['then']}.", highlight=False
        )
    prices = answer["prices"]
    console.print(f"\nList prices of {prices['as_of']}, {prices['region']}; {prices['note']}", style="dim")
