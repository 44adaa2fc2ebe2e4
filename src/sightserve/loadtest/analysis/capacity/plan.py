"""From a report to instances, settings and dollars on Cloud Run. Pure: figures in, figures out; prices and limits are data."""

import json
import math
import random
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final

from sightserve.backend.scheduler.limits import enough_memory
from sightserve.loadtest.analysis.capacity.simulate import Simulated, Times, most_rps, simulate
from sightserve.loadtest.goals import InvalidValue
from sightserve.loadtest.record import Half

HOURS: Final = 730.0  # of a month, as cloud bills count
_WEB_VCPU: Final = 1  # the web app is one process: more cores would stand idle
_WEB_GIB: Final = (
    2.0  # its uploads alone may have 1 GiB (`SIGHTSERVE_UI_TOTAL_UPLOAD_MB`), the app and previews the rest
)
_WEB_CONNECTIONS: Final = 2  # a visitor's websocket, and an upload or a picture beside it
_ANSWER_BYTES: Final = 1500  # what an answer and its headers send out
_BILLED_STEP: Final = 0.1  # s: Cloud Run rounds up to that
_DECADES: Final = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
_ANSWERS: Final = (
    "sent to label",
    "press to label",
)  # the second one in results of version 1.0, when a button was pressed
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
        per_instance: photos a second, or visitors, of one instance at this load.
        requests: a second, of the whole service: each costs something too.
        held: seconds for which a request is there, None: all the time. An instance is billed while it has any.
        limited_by: what decides the number of instances.
    """

    name: str
    instances: int
    vcpu: int
    gib: float
    concurrency: int
    per_instance: float
    requests: float
    held: float | None
    limited_by: str

    @property
    def month(self) -> float:
        """Dollars for compute and requests, the load kept up all month."""
        prices = data("prices")
        second = self.vcpu * prices["vcpu_second"] + self.gib * prices["gib_second"]
        billed = 1.0
        if self.held is not None:
            # Requests come at random: an instance has none for exp(-rate x time of each) of the time (a queue M/G/infinity).
            held = math.ceil(self.held / _BILLED_STEP) * _BILLED_STEP
            billed = 1 - math.exp(-self.requests / self.instances * held)
        requests = self.requests * prices["million_requests"] / 1e6
        return float((self.instances * second * billed + requests) * HOURS * 3600)

    def at(self, requests: float) -> "Service":
        """Return the same for another number of requests a second, with as many for each instance."""
        return replace(self, instances=math.ceil(requests / self.per_instance), requests=requests)


def times_of(results: dict[str, Any], slots: int = 0, phone_share: float | None = None) -> Times:
    """Return the measured times in a report.

    Args:
        results: the report.
        slots: of the backend that was measured; as many as the load generator's machine has cores where it is 0.
        phone_share: of the photos that will come; as many as were measured where it is None.

    Raises:
        InvalidValue: it has none: the API was not loaded, or not with both kinds of photo.
    """
    samples = [row for rows in results["samples"].values() for row in rows]
    if phone_share is not None:
        phone, small = (results["samples"].get(kind, []) for kind in ("phone photo", "small photo"))
        # as many of the rarer kind as there are, and of the other what keeps the share
        whole = min(len(rows) / part for rows, part in ((phone, phone_share), (small, 1 - phone_share)) if part)
        dice = random.Random(1)  # noqa: S311 - the same answer from the same report
        samples = dice.sample(phone, int(whole * phone_share)) + dice.sample(small, int(whole * (1 - phone_share)))
    slots = slots or int(results["machine"]["cores"] or 1)
    try:
        return Times.from_samples(samples, slots=slots, overhead=overhead(results, slots))
    except ValueError as exc:
        raise InvalidValue(f"the report says too little of the API: {exc}") from exc


def photo_bytes(results: dict[str, Any], phone_share: float) -> float:
    """Return the mean size of the photos that will come, of which phones take this share."""
    sizes = results["photo_bytes"]
    return float(sizes.get("phone photo", 0.0) * phone_share + sizes.get("small photo", 0.0) * (1 - phone_share))


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


def backend(
    times: Times, rps: float, goal: float, percent: int, model: int = 0, requests: int = 8_000
) -> tuple[Service, Simulated]:
    """Return the cheapest way to answer so many requests a second, and what one instance does then.

    Args:
        times: measured.
        rps: photos a second of the whole service.
        goal: seconds that `percent` of 100 answers may take.
        percent: 50, 95 or 99.
        model: bytes of its files.
        requests: of each simulation.

    Raises:
        InvalidValue: no size of instance keeps the goal.
    """
    limits, best = data("limits"), None
    for text, most_gib in limits["vcpus"].items():
        vcpu = int(text)
        most, found = most_rps(times, goal, percent, slots=vcpu, requests=requests)
        if found is None:
            continue
        # The autoscaler adds instances when their CPU is 60 % busy, whatever the goal would still allow.
        by_cpu = most * limits["cpu_target"] / max(found.busy, limits["cpu_target"])
        gib = max(limits["least_gib"][text], enough_memory(vcpu, model))
        if gib > most_gib:
            continue
        instances = math.ceil(rps / min(most, by_cpu))
        usual = simulate(times, rps / instances, slots=vcpu, requests=requests)
        service = Service(
            "backend", instances, vcpu, gib, min(limits["max_concurrency"], max(4, 2 * found.concurrency)),
            rps / instances, rps, usual.p50,
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
    limits, per_instance = data("limits"), max(1.0, held * _SHARE_OF_KNEE)
    instances = math.ceil(visitors / per_instance)
    # Cloud Run adds instances at 60 % of this too, and sends a visitor's own upload elsewhere when all of it is taken.
    concurrency = min(limits["max_concurrency"], math.ceil(per_instance * _WEB_CONNECTIONS / limits["cpu_target"]))
    answers = sum(group["ok"] for group in results["groups"] if group["kind"].startswith(_ANSWERS))
    asked = results["browsers_asked"] / max(1, answers) * visitors / results["plan"]["visitor_every"]
    # an open page is a request for as long as it is open
    return Service(
        "web app", instances, _WEB_VCPU, _WEB_GIB, concurrency, visitors / instances, asked, None,
        "one process's interpreter",
    )  # fmt: skip


def deploy_line(service: Service, web: Service | None) -> tuple[str, int]:
    """Return the command that makes these services, and in how many regions: one has room for a quota's worth."""
    made = [(service, ""), *([(web, "frontend-")] if web else [])]
    regions = max(math.ceil(one.instances / most_in_region(one)) for one, _ in made)
    words = ["sightserve deploy cloud-run --project my-project --region europe-west1"]
    for one, half in made:
        words += [
            f"--{half}cpu {one.vcpu} --{half}memory {one.gib * 1024:.0f}Mi --{half}concurrency {one.concurrency}",
            f"--{half}min-instances 0 --{half}max-instances {math.ceil(one.instances / regions)}",
        ]
    return " \\\n    ".join(words), regions


def visitors_held(results: dict[str, Any]) -> float | None:
    """Return how many visitors one process held with the goals kept: at the knee, or all there were where none was found."""
    if Half.WEB.value not in results["halves"]:
        return None
    users = (
        results["knee"]["users"] if results["knee"] else max((row["users"] for row in results["timeline"]), default=0)
    )
    return float(users) / 2 if results["plan"]["backend"] else float(users)  # the halves share the users


def egress(rps: float, prices: dict[str, Any]) -> float:
    """Return dollars a month for the answers that leave the region; photos come in for nothing."""
    return float(rps * _ANSWER_BYTES / 2**30 * HOURS * 3600 * prices["egress_gib"])


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that ends growth: from `rps` on, `what` is in the way, and `then` is what to do."""

    rps: float
    what: str
    then: str


def most_in_region(service: Service) -> float:
    """Return how many of its instances a region's baseline quota has room for: by default the most of a service, too."""
    known = data("limits")
    quotas = known["max_instances"], known["regional_vcpu"] / service.vcpu, known["regional_gib"] / service.gib
    return float(min(quotas))


def limits_of(service: Service) -> list[Limit]:
    """Return what stands in the way of growth, the first first; all instances have the size of this service's."""
    known, each = data("limits"), service.per_instance
    return [
        Limit(each, "one instance", "Cloud Run adds instances by itself"),
        Limit(
            each * most_in_region(service),
            f"{known['regional_vcpu']:,} vCPU or {known['regional_gib']:,} GiB in a region, a baseline quota",
            "ask for more quota, or deploy to several regions behind a global load balancer",
        ),
        Limit(
            each * 10 * most_in_region(service),
            "ten regions full to their baseline quota",
            "talk to the provider about quota and price, or compare with machines of your own",
        ),
    ]


def decades(service: Service, photo_bytes: float) -> list[dict[str, Any]]:
    """Return how the numbers grow from 10 to 1,000,000 requests a second, and the limit last passed at each."""
    prices, known = data("prices"), limits_of(service)
    rows = []
    for rps in _DECADES:
        grown = service.at(rps)
        passed = [limit for limit in known if limit.rps < rps]
        dollars = grown.month + egress(rps, prices)
        rows.append(
            {
                "rps": rps,
                "instances": grown.instances,
                "vcpu": grown.instances * service.vcpu,
                "gbit_in": rps * photo_bytes * 8 / 1e9,
                "month": dollars,
                "per_million": dollars / (rps * HOURS * 3600 / 1e6),
                "passed": passed[-1].what if passed else "",
                "then": passed[-1].then if passed else "",
            }
        )
    return rows
