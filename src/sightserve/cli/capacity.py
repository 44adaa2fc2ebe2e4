"""`sightserve capacity`: how many instances a load needs on Cloud Run, how to set them, and what they cost."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sightserve.cli.extras import fail, needs
from sightserve.loadtest.goals import InvalidValue, duration

if TYPE_CHECKING:
    from sightserve.loadtest.analysis.capacity.plan import Service
    from sightserve.loadtest.analysis.capacity.simulate import Simulated


def capacity(
    report: Annotated[Path, typer.Option("--from", help="JSON of `sightserve loadtest --json`, the API under a ramp.")],
    rps: Annotated[float, typer.Option(min=0.0, help="Photos a second.")] = 0.0,
    visitors: Annotated[int, typer.Option(min=0, help="Visitors of the web app at once.")] = 0,
    web_report: Annotated[
        Path | None, typer.Option("--web-from", help="JSON of a run on the web app, where the first has none.")
    ] = None,
    p50: Annotated[str | None, typer.Option(help="Goal for half of the answers.")] = None,
    p95: Annotated[str | None, typer.Option(help="Goal for 95 of 100 answers.")] = None,
    p99: Annotated[str | None, typer.Option(help="Goal for 99 of 100 answers, such as 300ms.")] = None,
    slots: Annotated[
        int, typer.Option(min=0, help="Cores of the measured backend, where the load came from elsewhere.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a load needs: instances, their setting and cost, from measured times. Nothing is asked of any cloud."""
    with needs("loadtest"):
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
        service, usual = planning.backend(planning.times_of(results, slots), asked, goal, percent)
        web = planning.web_app(web_results, visitors or asked * web_results["plan"]["visitor_every"])
        grows = planning.decades(service, results["photo_bytes"])
        limits = planning.limits_of(service)
    except InvalidValue as exc:
        fail(str(exc))
    answer = {
        "rps": asked,
        "goal": {"percent": percent, "seconds": goal},
        "services": [asdict(one) for one in (service, web) if one is not None],
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
