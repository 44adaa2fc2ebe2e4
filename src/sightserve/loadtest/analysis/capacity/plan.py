"""From a report to instances, settings and dollars on Cloud Run. Pure: figures in, figures out; prices and limits are data."""

import json
import math
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from sightserve.loadtest.analysis.capacity.simulate import Simulated, Times, most_rps, simulate
from sightserve.loadtest.goals import InvalidValue
from sightserve.loadtest.record import Half

HOURS: Final = 730.0  # of a month, as cloud bills count
_SERVER_MIB: Final = 80  # the backend's own process (`backend/ram.py` divides the memory by the same figures)
_SLOT_MIB: Final = 90  # a slot's; there is one more than vCPUs where large photos come
_LARGE_MIB: Final = 460  # what decoding the largest photo of a phone takes, a HEIC of 48 megapixels
_PROGRAMS_AND_PIXELS: Final = 0.825  # of the memory: the rest is for bodies that wait, and a margin
_WEB_VCPU, _WEB_GIB = 1, 2.0  # the web app is one process: more cores would stand idle; as `deploy` makes it
_WEB_CONNECTIONS: Final = 2  # a visitor's websocket, and an upload or a picture beside it
_ANSWER_BYTES: Final = 1500  # what an answer and its headers send out
_DECADES: Final = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
_SHARE_OF_KNEE: Final = 0.6  # the same as the autoscaler's target for the CPU: the rest is for bursts


def data(name: str) -> dict[str, Any]:
    """Return prices or limits, as they are in their file with date and source."""
    found: dict[str, Any] = json.loads((files(__package__ or "") / f"{name}.json").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True, slots=True)
class Service:
    """One half on Cloud Run.

    Attributes:
        name: of the half.
        instances: at this load.
        vcpu, gib: of each.
        concurrency: the setting: requests that an instance is given at once.
        per_instance: requests a second, or visitors, of one instance at this load.
        month: dollars for compute, the load kept up all month.
        limited_by: what decides the number of instances.
    """

    name: str
    instances: int
    vcpu: int
    gib: float
    concurrency: int
    per_instance: float
    month: float
    limited_by: str


def times_of(results: dict[str, Any], slots: int = 0) -> Times:
    """Return the measured times in a report.

    Args:
        results: the report.
        slots: of the backend that was measured; as many as the load generator's machine has cores where it is 0.

    Raises:
        InvalidValue: it has none: the API was not loaded.
    """
    samples = [row for rows in results["samples"].values() for row in rows]
    slots = slots or int(results["machine"]["cores"] or 1)
    try:
        return Times.from_samples(samples, slots=slots, overhead=overhead(results, slots))
    except ValueError as exc:
        raise InvalidValue(f"the report says too little of the API: {exc}") from exc


def overhead(results: dict[str, Any], slots: int) -> float:
    """Return the seconds for which a photo takes a slot beyond decode and inference, from the busiest seconds of a run.

    While photos wait all the time, every slot is taken: then slots / (photos a second) is what one photo really takes.
    The rest of the machine's work (HTTP, and the load generator where it shares the cores) is in it too.
    """
    busy = [
        row["answers_s"] for row in results["backend"] if (row["queue_depth"] or 0) >= 2 * slots and row["answers_s"]
    ]
    samples = [row for rows in results["samples"].values() for row in rows if row[0] >= 5]  # noqa: PLR2004
    if len(busy) < 3 or len(samples) < 30:  # noqa: PLR2004
        return 0.0
    middle = sorted(busy)[len(busy) // 2]
    service = sum(row[1] for row in samples) / len(samples)
    return max(0.0, float(slots / middle - service))


def backend(times: Times, rps: float, goal: float, percent: int, requests: int = 8_000) -> tuple[Service, Simulated]:
    """Return the cheapest way to answer so many requests a second, and what one instance does then.

    Args:
        times: measured.
        rps: photos a second of the whole service.
        goal: seconds that `percent` of 100 answers may take.
        percent: 50, 95 or 99.
        requests: of each simulation.

    Raises:
        InvalidValue: no size of instance keeps the goal.
    """
    prices, limits, best = data("prices"), data("limits"), None
    for text, most_gib in limits["vcpus"].items():
        vcpu = int(text)
        most, found = most_rps(times, goal, percent, slots=vcpu, requests=requests)
        if found is None:
            continue
        # The autoscaler adds instances when their CPU is 60 % busy, whatever the goal would still allow.
        by_cpu = most * limits["cpu_target"] / max(found.busy, limits["cpu_target"])
        per_instance = min(most, by_cpu)
        gib = max(limits["least_gib"][text], math.ceil(_mib(vcpu) / 512) / 2)
        if gib > most_gib:
            continue
        instances = math.ceil(rps / per_instance)
        usual = simulate(times, rps / instances, slots=vcpu, requests=requests)
        service = Service(
            "backend", instances, vcpu, gib, min(limits["max_concurrency"], max(4, 2 * found.concurrency)),
            rps / instances, month(instances, vcpu, gib, prices),
            "the autoscaler's 60 % of the CPU" if by_cpu < most else f"the goal of {goal * 1000:.0f} ms",
        )  # fmt: skip
        if best is None or service.month < best[0].month:
            best = (service, usual)
    if best is None:
        raise InvalidValue(f"even alone, {percent} of 100 answers take longer than {goal * 1000:.0f} ms: ask for more")
    return best


def web_app(results: dict[str, Any], visitors: float) -> Service | None:
    """Return what so many visitors at once need, from what one process held; None where the web app was not loaded."""
    held = visitors_held(results)
    if held is None:
        return None
    per_instance = max(1.0, held * _SHARE_OF_KNEE)
    instances = math.ceil(visitors / per_instance)
    concurrency = min(data("limits")["max_concurrency"], math.ceil(per_instance * _WEB_CONNECTIONS))
    cost = month(instances, _WEB_VCPU, _WEB_GIB, data("prices"))
    return Service(
        "web app", instances, _WEB_VCPU, _WEB_GIB, concurrency, visitors / instances, cost, "one process's interpreter"
    )


def visitors_held(results: dict[str, Any]) -> float | None:
    """Return how many visitors one process held with the goals kept: at the knee, or all there were where none was found."""
    if Half.WEB.value not in results["halves"]:
        return None
    users = (
        results["knee"]["users"] if results["knee"] else max((row["users"] for row in results["timeline"]), default=0)
    )
    return float(users) / 2 if results["plan"]["backend"] else float(users)  # the halves share the users


def _mib(vcpu: int) -> float:
    """Return how much memory an instance needs to refuse no photo that a phone makes."""
    return (_SERVER_MIB + (vcpu + 1) * _SLOT_MIB + _LARGE_MIB) / _PROGRAMS_AND_PIXELS


def month(instances: float, vcpu: float, gib: float, prices: dict[str, Any]) -> float:
    """Return dollars for instances that run all month, billed by instance."""
    second = vcpu * prices["instance_vcpu_second"] + gib * prices["instance_gib_second"]
    return float(instances * second * HOURS * 3600)


def egress(rps: float, prices: dict[str, Any]) -> float:
    """Return dollars a month for the answers that leave the region; photos come in for nothing."""
    return float(rps * _ANSWER_BYTES / 2**30 * HOURS * 3600 * prices["egress_gib"])


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that ends growth: from `rps` on, `what` is in the way, and `then` is what to do."""

    rps: float
    what: str
    then: str


def limits_of(service: Service) -> list[Limit]:
    """Return what stands in the way of growth, the first first; all instances have the size of this service's."""
    known, each = data("limits"), service.per_instance
    found = [
        Limit(each, "one instance", "Cloud Run adds instances by itself"),
        Limit(
            each * known["max_instances_default"],
            f"{known['max_instances_default']} instances, the usual maximum of a service",
            "set --max-instances higher: a setting, no request",
        ),
        Limit(
            each * min(known["regional_vcpu"] / service.vcpu, known["regional_gib"] / service.gib),
            f"{known['regional_vcpu']:,} vCPU or {known['regional_gib']:,} GiB in a region, a baseline quota",
            "ask for more quota, or deploy to several regions behind a global load balancer",
        ),
        Limit(
            each * 10 * known["regional_vcpu"] / service.vcpu,
            "ten regions full to their baseline quota",
            "talk to the provider about quota and price, or compare with machines of your own",
        ),
    ]
    return sorted(found, key=lambda limit: limit.rps)


def decades(service: Service, photo_bytes: float) -> list[dict[str, Any]]:
    """Return how the numbers grow from 10 to 1,000,000 requests a second, and the limit last passed at each."""
    prices, known = data("prices"), limits_of(service)
    rows = []
    for rps in _DECADES:
        instances = math.ceil(rps / service.per_instance)
        passed = [limit for limit in known if limit.rps < rps]
        compute = month(instances, service.vcpu, service.gib, prices)
        rows.append(
            {
                "rps": rps,
                "instances": instances,
                "vcpu": instances * service.vcpu,
                "gbit_in": rps * photo_bytes * 8 / 1e9,
                "month": compute + egress(rps, prices),
                "per_million": (compute + egress(rps, prices)) / (rps * HOURS * 3600 / 1e6),
                "passed": passed[-1].what if passed else "",
                "then": passed[-1].then if passed else "",
            }
        )
    return rows
