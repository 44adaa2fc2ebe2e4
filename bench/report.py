"""docs/benchmarks.md, rendered from the measurements. Pure functions: the same measurements give the same page."""

import math
from collections.abc import Callable, Iterable, Sequence

from bench.results import Measurement
from bench.servers import KINDS
from bench.stats import median, spread
from bench.targets import targets

TITLES = {name: kind.title for name, kind in KINDS.items()} | {
    "ours": "Sightserve",
    "single": "Sightserve, one by one",
    "straight": "Straightforward path, one by one",
    "bare": "Bare import and load",
}
_SIZES = {"imagenet": "ImageNet-size photos", "large": "12-megapixel photos"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; every column but the first is right-aligned."""
    lines = [list(head), ["---", *("---:" for _ in head[1:])], *map(list, rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def number(value: float, digits: int = 0) -> str:
    """Return a value for people: grouped thousands, a dash for what was not measured."""
    if math.isnan(value):
        return "-"
    return "never" if math.isinf(value) else f"{value:,.{digits}f}"


def with_spread(values: Sequence[float], digits: int = 0) -> str:
    """Return the median, and plus or minus half the range in percent where there are several values."""
    text = number(median(values), digits)
    return f"{text} ±{spread(values) * 100:.0f} %" if len(values) > 1 else text


def page(machine: dict[str, str], measurements: Sequence[Measurement], note: str = "") -> str:
    """Return docs/benchmarks.md; `note` says what was special about the run."""
    rounds = 1 + max((m.round for m in measurements), default=0)
    parts = [
        "# Benchmarks",
        f"Measured by `make bench` on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, Python "
        f"{machine['python']}, Linux {machine['kernel']}, ONNX Runtime {machine['onnxruntime']}, NumPy {machine['numpy']}, "
        f"Pillow {machine['pillow']}, FastAPI {machine['fastapi']}, uvicorn {machine['uvicorn']}. Servers and load generator "
        f"share the cores. Up to {rounds} rounds, in each of which every server has its turn; medians, ± half the range. "
        "Peers have the same model file, single-threaded sessions and the same photos, each whole and in its own shape; how "
        "each is set up is in `bench/peers/`. *Right* is the share of the 200 labelled photos, or of the ten large ones, whose "
        "label is right through this server. Sightserve and Mosec take the photo as the body, the others as a form field. "
        "*Others* is the share of "
        "the machine that went to processes of neither server nor generator: where it is more than a few percent, trust ratios "
        "and CPU times, not rates.",
        *([note] if note else []),
        "## Targets",
        table(
            ("target", "measured", "bound", "verdict"),
            [
                (t.text, number(t.value, 2), ("≥ " if t.at_least else "≤ ") + f"{t.bound:g}", t.verdict)
                for t in targets(measurements)
            ],
        ),
    ]
    for heading, render in _SECTIONS:
        if body := render(measurements):
            parts += [f"## {heading}", body]
    if skipped := _skipped(measurements):
        parts += ["## Not measured", skipped]
    return "\n\n".join(parts) + "\n"


def _groups(measurements: Sequence[Measurement], case: str) -> dict[tuple[str, str, str], list[Measurement]]:
    """Return the measurements of one case by (photos, setting, server), the rounds together."""
    groups: dict[tuple[str, str, str], list[Measurement]] = {}
    for m in measurements:
        if m.case == case and not m.skipped:
            groups.setdefault((m.photos, m.setting, m.server), []).append(m)
    return groups


def _of(group: Sequence[Measurement], figure: str) -> list[float]:
    return [m.figures[figure] for m in group if figure in m.figures]


def _ceiling(measurements: Sequence[Measurement]) -> str:
    rows = [
        (
            f"{TITLES[server]}, {_SIZES[photos]}",
            cores,
            with_spread(_of(group, "images_s"), 1),
            number(median(_of(group, "cpu_ms")), 2),
        )
        for (photos, cores, server), group in sorted(_groups(measurements, "ceiling").items())
    ]
    note = (
        "Photos of ImageNet's size go in batches of eight, as a slot gets them under load, and once more one by one; larger "
        "ones always go one by one."
    )
    return f"{note}\n\n{table(('path', 'cores', 'images/s', 'CPU ms per image'), rows)}" if rows else ""


def _closed(measurements: Sequence[Measurement]) -> str:
    groups, parts = _groups(measurements, "closed"), []
    for photos, setting in sorted({key[:2] for key in groups}, key=lambda key: (key[0], int(key[1]))):
        rows = []
        for (_, _, server), group in ((k, g) for k, g in groups.items() if k[:2] == (photos, setting)):
            latencies = [number(median(_of(group, f)), 1) for f in ("p50_ms", "p99_ms")]
            costs = [number(median(_of(group, f)), 2) for f in ("server_ms", "generator_ms")]
            others = f"{median(_of(group, 'others')) * 100:.0f} %"
            failed = number(sum(_of(group, "failed")))
            right = number(100 * median(_of(group, "right")) if KINDS[server].labels else math.nan, 1)
            rows.append(
                (TITLES[server], with_spread(_of(group, "images_s"), 1), *latencies, *costs, right, failed, others)
            )
        plural = "connection" if setting == "1" else "connections"
        columns = ("server CPU ms", "generator CPU ms")
        head = ("server", "images/s", "p50 ms", "p99 ms", *columns, "right, %", "failed", "others")
        parts += [f"{_SIZES[photos]}, {setting} {plural} (CPU per answer):", table(head, rows)]
    return "\n\n".join(parts)


def _cycles(measurements: Sequence[Measurement]) -> str:
    """Return our CPU time per answer, which holds on a busy machine too, against what decode and inference alone take."""
    ceilings = _groups(measurements, "ceiling")
    cores = most(key[1] for key in ceilings)
    rows = []
    for (photos, setting, server), group in _groups(measurements, "closed").items():
        alone = ceilings.get((photos, "1", "single") if setting == "1" else (photos, cores, "ours"))
        if server != "ours" or not alone:
            continue
        work, whole, loop, kernel, generator = (
            median(_of(g, f))
            for g, f in (
                (alone, "cpu_ms"),
                (group, "server_ms"),
                (group, "main_thread_ms"),
                (group, "server_system_ms"),
                (group, "generator_ms"),
            )
        )
        cells = [number(value, 2) for value in (work, whole, loop, kernel, generator, work / (whole + generator))]
        rows.append((f"{_SIZES[photos]}, {setting}", *cells))
    note = (
        "Sightserve's CPU milliseconds per answer. The last column is what decode, inference and ranking are of all the CPU "
        "time that server and generator use: the served share that a machine with nothing else to do would reach."
    )
    head = ("photos, connections", "in process", "server", "of it event loop", "of it kernel", "generator", "share")
    return f"{note}\n\n{table(head, rows)}" if rows else ""


def most(cores: Iterable[str]) -> str:
    """Return the largest of these numbers."""
    return max(cores, key=int, default="1")


def _open(measurements: Sequence[Measurement]) -> str:
    rows = []
    for (_, setting, server), group in _groups(measurements, "open").items():
        if setting == "capacity":
            continue
        counts = [number(median(_of(group, f))) for f in ("offered_s", "goodput_s")]
        of_capacity = number(median(_of(group, "of_capacity")), 2)
        times = [
            number(median(_of(group, f)))
            for f in ("p50_ms", "p99_ms", "late", "refused", "refused_p50_ms", "expired", "broken")
        ]
        memory = number(median(_of(group, "memory_mib")))
        last = number(median(_of(group, "recovery_s")), 1)
        others = f"{median(_of(group, 'others')) * 100:.0f} %"
        rows.append((f"{TITLES[server]}, {setting}", *counts, of_capacity, *times, memory, last, others))
    head = ["server, load", "sent /s", "goodput /s", "of capacity", "p50 ms", "p99 ms", "late", "refused"]
    head += ["refusal p50 ms", "504", "no answer", "MiB", "recovered s", "others"]
    note = (
        "Poisson arrivals at multiples of what 32 connections get in a closed loop from the same server just before; goodput "
        "is compared with the mean of that and of the same just after. Latency counts from "
        "the moment at which the request was due. Goodput: 200s within 2 s. Late: 200s after that. No answer: given up after "
        "10 s, or the connection broke, or another status. Recovered: until 10 requests a second have normal latency again, "
        "from the end of the load; those requests are watched for 4 s."
    )
    return f"{note}\n\n{table(head, rows)}" if rows else ""


def _cold(measurements: Sequence[Measurement]) -> str:
    rows = []
    for (_, setting, server), group in _groups(measurements, "cold").items():
        if setting == "start":
            seconds = with_spread(_of(group, "total_s"), 2)
            rows.append((TITLES[server], seconds, number(median(_of(group, "first_answer_ms")), 1)))
    inside = [m for m in measurements if m.case == "cold" and m.setting == "inside" and not m.skipped]
    text = table(("server", "start to first answer, s", "of it the first photo, ms"), rows) if rows else ""
    if inside:
        imports, slots = (number(median(_of(inside, f)), 2) for f in ("import_s", "slots_s"))
        text += (
            f"\n\nOurs from inside: {imports} s of imports, while a slot loads the model; {slots} s more until it has."
        )
    return text


def _memory(measurements: Sequence[Measurement]) -> str:
    rows = [
        (TITLES[server], f"{int(setting):,}", number(median(_of(group, "mib"))))
        for (_, setting, server), group in _groups(measurements, "memory").items()
    ]
    return table(("server", "requests answered, at least", "MiB (Pss, all processes)"), rows) if rows else ""


def _skipped(measurements: Sequence[Measurement]) -> str:
    told = dict.fromkeys(f"- {TITLES[m.server]}, {m.case}, {m.photos}: {m.skipped}" for m in measurements if m.skipped)
    return "\n".join(told)


_SECTIONS: tuple[tuple[str, Callable[[Sequence[Measurement]], str]], ...] = (
    ("In process", _ceiling),
    ("Closed loop", _closed),
    ("Where the cycles go", _cycles),
    ("Open loop", _open),
    ("Cold start", _cold),
    ("Memory", _memory),
)
