"""Instances and dollars, by hand."""

import json
import shlex
import subprocess
import sys
from dataclasses import replace

import pytest
import typer

from sightserve.backend.ram import shares
from sightserve.backend.scheduler.limits import Limits, enough_memory
from sightserve.backend.settings import Settings
from sightserve.cli.deploy import app as deploy
from sightserve.deploy.options import FRONTEND_SIZE, Size, backend_size
from sightserve.imaging.memory import webp_pixels_in_memory
from sightserve.loadtest.analysis import results
from sightserve.loadtest.analysis.capacity import plan
from sightserve.loadtest.analysis.capacity.plan import Service
from sightserve.loadtest.analysis.capacity.simulate import Times
from sightserve.loadtest.analysis.schema import SCHEMA, check
from sightserve.loadtest.goals import InvalidValue
from sightserve.loadtest.plan import Plan
from sightserve.loadtest.record import Event, Half, Outcome, Recorder, Timing

TIMES = Times.from_samples([[beside, 0.01, 0.001] for beside in (0, 1, 2, 4, 7, 12, 20) for _ in range(40)], slots=2)


MODEL = 7_800_000  # bytes, the embedded one
BUSY = Service("backend", 10, 2, 1.5, 20, 100.0, 1000.0, 0.05, "")


def test_busy_instances_cost_their_time_and_their_requests():
    # 2 vCPU x 0.000024 + 1.5 GiB x 0.0000025 = 0.00005175 a second; 730 h are 2,628,000 s: 136.00 each, ten of them; and
    # 1,000 a second are 2,628 million requests at 0.40: 1,051.20
    assert BUSY.month == pytest.approx(1359.99 + 1051.20, abs=0.5)  # with 100 a second an instance has always one


def test_an_instance_is_billed_while_it_has_a_request_and_in_steps_of_a_tenth_of_a_second():
    """One a second, 50 ms each: billed 0.1 s of it, and now and then two at once."""
    alone = replace(BUSY, instances=1, requests=1.0)

    # 136.00 x (1 - exp(-0.1)) = 12.94; 2.628 million requests: 1.05
    assert alone.month == pytest.approx(12.94 + 1.05, abs=0.02)


def test_an_open_page_is_billed_as_long_as_it_is_open():
    """Whoever only looks asks for nothing, and the instance runs."""
    web = Service("web app", 1, 1, 2.0, 100, 50.0, 0.0, None, "")

    assert web.month == pytest.approx((0.000024 + 2 * 0.0000025) * 2_628_000)


@pytest.mark.parametrize(("vcpu", "gib"), [(1, 1.5), (2, 1.5), (4, 2.0), (8, 2.5)])
def test_the_memory_is_the_least_in_which_a_backend_refuses_no_photo_within_its_limits(vcpu, gib):
    largest = webp_pixels_in_memory(Settings.model_fields["max_pixels"].default, 1)  # the format that takes most

    def room(memory: float) -> int:
        return Limits(vcpu, max_pixels=shares(int(memory * 2**30), vcpu, MODEL).pixels).pixels_shared

    assert enough_memory(vcpu, MODEL) == gib
    assert room(gib) >= largest > room(gib - 0.5)


def test_instances_are_enough_for_the_load_at_the_autoscalers_target():
    service, usual = plan.backend(TIMES, rps=1000, goal=0.3, percent=99, requests=1_500)

    # 10 ms a photo: a vCPU does 100 a second, and at 60 % of that 60: 1,000 need 16.7 vCPU
    assert service.instances * service.vcpu == pytest.approx(1000 / 60, rel=0.25)
    assert usual.p99 < 0.3


def test_a_goal_that_no_instance_keeps_is_an_error_and_no_number():
    with pytest.raises(InvalidValue, match="even alone"):
        plan.backend(TIMES, rps=10, goal=0.005, percent=99, requests=500)


def test_from_decade_to_decade_the_instances_grow_and_limits_are_passed_in_order():
    service = BUSY

    rows = plan.decades(service, photo_bytes=100_000)

    assert [row["rps"] for row in rows] == [10, 100, 1_000, 10_000, 100_000, 1_000_000]
    assert [row["instances"] for row in rows] == [1, 1, 10, 100, 1_000, 10_000]
    assert rows[5]["gbit_in"] == pytest.approx(800)  # a million a second of 100 kB are 100 GB/s
    thresholds = [limit.rps for limit in plan.limits_of(service)]
    assert thresholds == sorted(thresholds)
    assert "vCPU" in rows[4]["passed"]  # 1,000 instances of 2 vCPU are more than a region's baseline


@pytest.mark.parametrize("found", [None, [], {}, {"schema": "sightserve-loadtest/0"}])
def test_another_file_than_a_report_is_refused(found):
    with pytest.raises(InvalidValue, match=SCHEMA):
        check(json.loads(json.dumps(found)))


def test_prices_and_limits_say_when_and_where_they_were_read():
    for name in ("prices", "limits"):
        found = plan.data(name)

        assert found["as_of"]
        assert all("cloud.google.com" in source for source in found["sources"].values())


def report():
    """Both halves, measured: small photos take 10 ms and a phone's 40, 60 visitors were there."""
    recorder = Recorder()
    for beside in (0, 1, 2, 4, 7, 12, 20):
        for number in range(80):
            kind, service = ("phone photo", 0.04) if number % 2 else ("small photo", 0.01)
            recorder.add(Event(1, Half.API, kind, service + 0.001, Outcome.OK, timing=Timing(beside, service, 0.0)))
    recorder.add(Event(2, Half.WEB, "sent to label", 0.1, Outcome.OK, before=0.2))
    recorder.users.append((1.0, 120))
    asked = Plan(backend="http://x", frontend="http://y")
    made = results.assemble(asked, recorder, [], None, "", 2.0, model_bytes=MODEL, browsers_asked=6)
    return {**made, "machine": {**made["machine"], "cores": 2}}


def test_what_visitors_send_is_what_the_backend_is_sized_for():
    measured = report()

    people, programs = plan.times_of(measured, phone_share=0.8), plan.times_of(measured)

    share = [sum(service == 0.04 for service, _ in pool) / len(pool) for pool in people.pools]
    assert sum(share) / len(share) == pytest.approx(0.8, abs=0.05)
    assert sum(service == 0.04 for service, _ in programs.pools[0]) == len(programs.pools[0]) / 2  # as measured


def test_the_web_app_is_made_as_large_as_deploy_makes_it():
    web = plan.web_app(report(), visitors=72)

    assert web is not None
    assert (web.vcpu, f"{web.gib:g}Gi") == (FRONTEND_SIZE.cpu, FRONTEND_SIZE.memory)
    # 60 visitors were held; at 60 % of that, 36, two instances do; two connections each are 60 % of 120
    assert (web.instances, web.per_instance, web.concurrency) == (2, 36, 120)
    assert web.requests == pytest.approx(6 * 72 / 10)  # six for a photo, which each has every ten seconds


@pytest.mark.parametrize("instances", [10, 4000])
def test_the_line_that_is_printed_is_one_that_deploy_takes(instances):
    web = Service("web app", 2, 1, 2.0, 120, 36.0, 43.2, None, "")
    line, regions = plan.deploy_line(replace(BUSY, instances=instances), web)

    program, group, command, *words = shlex.split(line.replace("\\\n", ""))
    made = typer.main.get_command(deploy)
    assert isinstance(made, typer.core.TyperGroup)
    given = made.commands[command].make_context(command, words).params  # ends at a flag that it does not know

    assert (program, group) == ("sightserve", "deploy")
    size = [given[name] for name in ("cpu", "memory", "concurrency", "min_instances", "max_instances")]
    assert Size(*size) == Size(2, "1536Mi", 20, 0, min(instances, 500))  # 500 of 2 vCPU are a region's 1,000
    assert regions == (8 if instances == 4000 else 1)
    size = [given[f"frontend_{name}"] for name in ("cpu", "memory", "concurrency", "min_instances", "max_instances")]
    assert Size(*size) == Size(1, "2048Mi", 120, 0, 1 if instances == 4000 else 2)


@pytest.mark.slow
def test_a_calculation_needs_no_extra(tmp_path):
    """Neither the load generator nor anything of the halves: what was measured may be looked at anywhere."""
    (tmp_path / "both.json").write_text(json.dumps(report()))
    foreign = ("gevent", "geventhttpclient", "locust", "websocket", "prometheus_client", "streamlit", "PIL", "numpy")
    blocked = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {(*foreign, "onnxruntime", "fastapi", "uvicorn", "pydantic_settings")}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from sightserve.cli.main import main
main()
"""
    words = ["capacity", "--from", str(tmp_path / "both.json"), "--visitors", "5000", "--p99", "1s"]

    done = subprocess.run(
        [sys.executable, "-c", blocked, *words], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr
    # 5,000 visitors at 36 an instance; in one line whatever the terminal's width: it is there to be pasted
    assert "--frontend-cpu 1 --frontend-memory 2048Mi --frontend-concurrency 120" in done.stdout
    assert "--frontend-min-instances 0 --frontend-max-instances 139" in done.stdout


@pytest.mark.parametrize("vcpu", [1, 2, 4, 6, 8])
def test_what_deploy_gives_a_backend_holds_every_photo_within_the_limits(vcpu):
    """A HEIC of 48 megapixels, which phones make, was refused with less."""
    given = backend_size(vcpu).memory

    assert int(given[:-2]) / (1024 if given.endswith("Mi") else 1) >= enough_memory(vcpu, MODEL)
