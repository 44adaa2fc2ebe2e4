"""What a run amounts to."""

import subprocess
import sys
from typing import Any

import pytest

from sightserve.loadtest.analysis import results, summary
from sightserve.loadtest.goals import Goals
from sightserve.loadtest.plan import Plan
from sightserve.loadtest.record import Event, Half, Outcome, Recorder, Timing


def made(*events: Event, plan: Plan | None = None) -> dict[str, Any]:
    recorder = Recorder()
    for event in events:
        recorder.add(event)
    return results.assemble(plan or Plan(backend="http://x"), recorder, [], None, "2026-01-01T00:00:00Z", 2.0)


def test_the_simulation_gets_service_and_the_rest_apart():
    found = made(Event(0.5, Half.API, "small photo", 0.1, Outcome.OK, timing=Timing(2, 0.06, 0.01)))

    # 100 ms in all: 60 of work, 10 of waiting, and 30 on the way
    assert found["samples"] == {"small photo": [[2, 0.06, 0.03]]}


def test_a_visitors_goal_is_for_all_that_he_waits_the_upload_with_it():
    """13.4 s of upload and 0.2 s from the button to the label are no answer within 2 s."""
    plan = Plan(frontend="http://x", goals=Goals(p95=2.0))
    pressed = Event(14, Half.WEB, "sent to label", 0.2, Outcome.OK, before=13.4)

    found = made(Event(13.8, Half.WEB, "upload a phone photo", 13.4, Outcome.OK, answer=False), pressed, plan=plan)

    (verdict,) = found["goals"]
    assert (verdict["measured"], verdict["met"]) == (pytest.approx(13.6), False)
    parts = {group["kind"]: group["p50"] for group in found["groups"]}
    assert parts == {"upload a phone photo": 13.4, "sent to label": 0.2}
    assert "13600" in summary.told(found)


def test_a_half_that_gave_no_answer_kept_no_goal():
    plan = Plan(backend="http://x", frontend="http://y", goals=Goals(p95=2.0))
    failed = Event(1, Half.WEB, "open the page", 0.1, Outcome.FAILED, "websocket: 403", answer=False)

    found = made(Event(1, Half.API, "small photo", 0.1, Outcome.OK), failed, plan=plan)

    assert {goal["goal"]: goal["met"] for goal in found["goals"]} == {"API p95": True, "web app p95": False}


def test_what_is_made_of_results_does_not_load_the_generator():
    names = ("results", "schema", "summary", "capacity.plan", "capacity.simulate")
    imports = "\n".join(f"import sightserve.loadtest.analysis.{name}" for name in names)
    look = "import sys; print({'gevent', 'locust', 'sightserve.loadtest.generator'} & set(sys.modules))"

    said = subprocess.run([sys.executable, "-c", f"{imports}\n{look}"], capture_output=True, text=True, check=True)

    assert said.stdout == "set()\n"
