"""The guides' figures are those of one measured run, docs/load: the same in both, and what `sightserve capacity` says of it."""

import json
from typing import Any

import pytest
from tests.conftest import ROOT

from sightserve.loadtest.analysis.capacity import plan
from sightserve.loadtest.analysis.schema import check

LOADTEST, DEPLOY = ((ROOT / "docs" / name).read_text() for name in ("loadtest.md", "deploy.md"))


def measured(name: str) -> dict[str, Any]:
    return check(json.loads((ROOT / "docs" / "load" / f"{name}.json").read_text()))


def test_both_guides_know_how_many_visitors_one_process_held():
    knee = measured("web-app-ramp")["knee"]

    assert f"the knee at {knee['users']} visitors and {knee['answers_s']:.0f} answers a second" in LOADTEST
    assert f"one process held {knee['users']} with" in DEPLOY
    assert f"| {knee['users']} visitors who upload all the time |" in DEPLOY


def test_the_guide_says_what_the_api_and_fifty_visitors_got():
    knee, calm = measured("api-ramp")["knee"], measured("visitors-50")["halves"]["web app"]

    assert f"the knee at {knee['users']} users and {knee['answers_s']:.0f} answers a second" in LOADTEST
    assert f"half within {calm['p50'] * 1000:.0f} ms, 95 of 100 within {calm['p95'] * 1000:.0f} ms" in LOADTEST


@pytest.mark.slow
@pytest.mark.parametrize("visitors", [50, 500, 5000])
def test_the_costs_are_those_that_capacity_computes(visitors):
    api, people = measured("api-ramp"), measured("web-app-ramp")
    photos = visitors / people["plan"]["visitor_every"]
    times = plan.times_of(api, phone_share=people["plan"]["visitor_phone_share"])

    backend, _ = plan.backend(times, photos, 0.3, 99, api["model_bytes"])
    web = plan.web_app(people, visitors)

    assert web is not None
    million = (backend.month + web.month) / (photos * plan.HOURS * 3600 / 1e6)
    instances = (
        f"| {backend.instances:,} | {web.instances:,} | ${backend.month:,.0f} | ${web.month:,.0f} | ${million:,.2f} |"
    )
    assert f"| {visitors:,} | {photos:,.0f} {instances}" in DEPLOY
    if visitors == 5000:
        assert plan.deploy_line(backend, web)[0] in DEPLOY
