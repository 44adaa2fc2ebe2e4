"""`sightserve loadtest`: from flags to the plan that the generator gets."""

import os

import pytest
from typer.testing import CliRunner

from sightserve.cli.main import application
from sightserve.loadtest.plan import from_environment


@pytest.mark.parametrize(
    ("flags", "visitors", "programs"),
    [
        ([], 0.8, 0.2),  # people have phones
        (["--phone-photos", "0%"], 0.0, 0.0),
        (["--phone-photos", "100%", "--api-phone-photos", "5%"], 1.0, 0.05),
        (["--api-phone-photos", "50%"], 0.8, 0.5),
    ],
)
def test_the_share_of_phone_photos_holds_for_visitors_as_for_programs(monkeypatch, flags, visitors, programs):
    started: list[dict[str, str]] = []
    monkeypatch.setattr(os, "execve", lambda _path, _words, environment: started.append(environment))
    halves = ["--backend", "http://127.0.0.1:9", "--frontend", "http://127.0.0.1:9"]

    done = CliRunner().invoke(application(["loadtest"]), ["loadtest", *halves, *flags])

    assert done.exit_code == 0, done.output
    plan = from_environment(started[0])
    assert plan is not None
    assert (plan.visitor_phone_share, plan.phone_share) == (visitors, programs)
