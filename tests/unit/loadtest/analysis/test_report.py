"""The report is one file that loads nothing, whatever strangers wrote into the figures."""

import json
import re

from sightserve.loadtest.analysis import report, results
from sightserve.loadtest.plan import Plan
from sightserve.loadtest.record import Event, Half, Outcome, Recorder, Timing


def made(cause: str = "503") -> dict[str, object]:
    recorder = Recorder()
    recorder.add(Event(0.5, Half.API, "small photo", 0.1, Outcome.OK, timing=Timing(2, 0.06, 0.01)))
    recorder.add(Event(1.5, Half.API, "small photo", 0.1, Outcome.FAILED, cause))
    return results.assemble(Plan(backend="http://x"), recorder, [], None, "2026-01-01T00:00:00Z", 2.0)


def test_the_page_loads_nothing_from_anywhere():
    page = report.page(made())

    assert not re.search(r"(?:src|href)\s*=|@import|url\(", page)
    assert [found for found in re.findall(r"https?://[^\s\"'<]+", page) if "w3.org" not in found] == ["http://x"]


def test_what_a_server_says_cannot_end_the_script():
    page = report.page(made("</script><img src=x onerror=alert(1)>"))

    assert "</script><img" not in page
    data = page.split('<script id="data" type="application/json">')[1].split("</script>")[0]
    assert json.loads(data)["causes"][0]["cause"] == "</script><img src=x onerror=alert(1)>"


def test_the_simulation_gets_service_and_the_rest_apart():
    # 100 ms in all: 60 of work, 10 of waiting, and 30 on the way
    assert made()["samples"] == {"small photo": [[2, 0.06, 0.03]]}
