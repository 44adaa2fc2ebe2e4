"""The end of a run on a terminal: every kind of request, what went wrong, the knee, the goals. Results in, text out."""

from typing import Any


def told(results: dict[str, Any]) -> str:
    """Return the summary, several lines."""
    lines = ["", f"{'':32} {'requests':>9} {'refused':>8} {'failed':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}"]
    for group in results["groups"]:
        times = " ".join(f"{_ms(group[name]):>8}" for name in ("p50", "p95", "p99"))
        name = f"{group['half']}: {group['kind']}"
        lines.append(f"{name:32} {group['count']:9} {group['refused']:8} {group['failed']:7} {times}")
    lines += [
        f"{half + ', photo to label':59} " + " ".join(f"{_ms(found[name]):>8}" for name in ("p50", "p95", "p99"))
        for half, found in results["halves"].items()
    ]
    lines += [
        f"  {cause['count']:6} x {cause['outcome']}: {cause['half']}, {cause['kind']}: {cause['cause']}"
        for cause in results["causes"]
    ]
    knee = results["knee"]
    if knee:
        lines.append(
            f"The knee: {knee['answers_s']:.1f} answers/s with {knee['users']} users; beyond it {knee['broken']}."
        )
    for goal in results["goals"]:
        value = "nothing to measure" if goal["measured"] is None else f"{_unit(goal, goal['measured'])}"
        lines.append(
            f"{'kept  ' if goal['met'] else 'MISSED'}  {goal['goal']} {value} (goal {_unit(goal, goal['limit'])})"
        )
    return "\n".join(lines)


def _unit(goal: dict[str, Any], value: float) -> str:
    return f"{value:.2%}" if goal["goal"] in {"failures", "refusals"} else f"{value * 1000:.0f} ms"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f}"
