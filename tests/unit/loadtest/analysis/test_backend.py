"""What the backend says of itself, second by second."""

import subprocess
import sys

import pytest

from sightserve.client.scrape import Scrape, parse
from sightserve.loadtest.analysis.backend import rows


def scrape(at: float, answers: int, waiting: int) -> Scrape:
    return parse(f"sightserve_inference_seconds_count {answers}\nsightserve_queue_depth {waiting}\n", at)


def test_each_second_has_its_rates_and_what_the_backend_does_not_tell_is_none():
    first, second = rows([scrape(1.0, 10, 0), scrape(2.0, 40, 3), scrape(4.0, 100, 1)])

    assert (first["t"], first["answers_s"], first["queue_depth"]) == (2.0, pytest.approx(30), 3)
    assert (second["t"], second["answers_s"], second["queue_depth"]) == (4.0, pytest.approx(30), 1)
    assert first["memory_mib"] is None


def test_one_scrape_is_no_second():
    assert rows([scrape(1.0, 10, 0)]) == []


def test_what_is_made_of_results_does_not_load_the_generator():
    names = ("results", "report", "summary", "capacity.plan", "capacity.simulate")
    imports = "\n".join(f"import sightserve.loadtest.analysis.{name}" for name in names)
    look = "import sys; print({'gevent', 'locust', 'sightserve.loadtest.generator'} & set(sys.modules))"
    code = f"{imports}\n{look}"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout == "set()\n"
