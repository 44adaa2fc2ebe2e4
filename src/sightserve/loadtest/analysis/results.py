"""What a run amounts to, as one JSON object with a versioned schema: the summary and the capacity plan read nothing else."""

import os
import platform
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from sightserve.loadtest import record
from sightserve.loadtest.analysis.schema import SCHEMA
from sightserve.loadtest.goals import judge
from sightserve.loadtest.plan import Plan
from sightserve.loadtest.record import Event, Half, Outcome, Recorder
from sightserve.loadtest.shapes import Knee

_MOST_ROWS: Final = 400  # of a timeline: more is no picture any more
_MOST_SAMPLES: Final = 4_000
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300)


def assemble(
    plan: Plan,
    recorder: Recorder,
    backend: Sequence[dict[str, Any]],
    knee: Knee | None,
    began: str,
    seconds: float,
    *,
    photo_bytes: Mapping[str, float] | None = None,
    model_bytes: int = 0,
    browsers_asked: int = 0,
) -> dict[str, Any]:
    """Return the results.

    Args:
        plan: what was asked for.
        recorder: what happened.
        backend: what it said of itself, once a second.
        knee: of a ramp that found it.
        began: time of day, ISO 8601.
        seconds: how long it took.
        photo_bytes: mean size of the photos, by their kind.
        model_bytes: size of the backend's model.
        browsers_asked: HTTP requests of all visitors.
    """
    events = recorder.events
    step = next((step for step in _STEPS if seconds / step <= _MOST_ROWS), _STEPS[-1])
    loaded = [half.value for half, url in ((Half.API, plan.backend), (Half.WEB, plan.frontend)) if url]
    # a half that gave no answer at all is there too: it kept no goal
    halves, totals = {half: record.quantiles([]) for half in loaded} | record.halves(events), record.outcomes(events)
    return {
        "schema": SCHEMA,
        "began": began,
        "seconds": seconds,
        # where files were on whose machine is nobody's business
        "plan": {**asdict(plan), "photos": Path(plan.photos).name, "report": "", "json_file": ""},
        "machine": machine(),
        "totals": totals,
        "halves": halves,
        "groups": record.groups(events, seconds),
        "causes": record.causes(events),
        "step": step,
        "timeline": record.timeline(events, recorder.users, step),
        "backend": thinned(backend, _MOST_ROWS),
        "knee": None if knee is None else asdict(knee),
        "goals": [{**asdict(verdict), "met": verdict.met} for verdict in judge(plan.goals, halves, totals)],
        "photo_bytes": photo_bytes or {},
        "model_bytes": model_bytes,
        "browsers_asked": browsers_asked,
        "samples": samples(events),
    }


def samples(events: Sequence[Event]) -> dict[str, Any]:
    """Return what the simulation needs of each small and phone photo: [others under way, service, the rest], seconds.

    The rest is everything but waiting for a slot and working in it: the network, HTTP, the answer's way back. At most
    4,000, drawn at random from all.
    """
    kept: dict[str, list[list[float]]] = {}
    for event in events:
        if event.timing is not None and event.outcome is Outcome.OK:
            rest = max(0.0, event.seconds - event.timing.service - event.timing.queue)
            kept.setdefault(event.kind, []).append([event.timing.beside, event.timing.service, rest])
    dice = random.Random(1)  # noqa: S311 - the same results from the same run
    return {
        kind: [[round(value, 6) for value in row] for row in dice.sample(list_, min(len(list_), _MOST_SAMPLES))]
        for kind, list_ in kept.items()
    }


def thinned(rows: Sequence[dict[str, Any]], most: int) -> Sequence[dict[str, Any]]:
    """Return at most so many rows, evenly spread."""
    step = -(-len(rows) // most) or 1
    return rows[::step]


def machine() -> dict[str, Any]:
    """Return what generated the load, for whoever compares two reports."""
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in ("sightserve", "locust", "streamlit")},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
