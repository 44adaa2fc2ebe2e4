"""Where is the backend? The order of the ways, and what is remembered."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.fake_backend import fake_backend
from tests.processes import free_port

from sightserve.client import BackendNotFound, discovery
from sightserve.client.discovery import Finder, Identity, Way, identified, read_places, ways


@pytest.mark.parametrize(
    ("environment", "order"),
    [
        ({"BACKEND": "http://b"}, [Way.BACKEND]),
        ({"BACKEND": "http://b", "K_SERVICE": "me"}, [Way.BACKEND]),
        ({"BACKEND": "http://b", "SIGHTSERVE_CLOUD_PROJECT": "p"}, [Way.CLOUD_RUN, Way.FALLBACK]),
        ({"SIGHTSERVE_CLOUD_PROJECT": "p"}, [Way.CLOUD_RUN, Way.LOCAL]),
        ({"K_SERVICE": "me"}, [Way.CLOUD_RUN, Way.LOCAL]),
        ({"GOOGLE_CLOUD_PROJECT": "on many laptops"}, [Way.LOCAL]),
        ({"BACKEND": "  "}, [Way.LOCAL]),
    ],
)
def test_what_is_set_decides_where_to_look(environment, order):
    assert list(ways(read_places(environment))) == order


@pytest.mark.parametrize(
    ("url", "way", "mode", "token"),
    [
        ("https://backend-uc.a.run.app", Way.CLOUD_RUN, Identity.AUTO, True),
        ("https://backend-123.europe-west1.run.app", Way.BACKEND, Identity.AUTO, True),
        ("http://127.0.0.1:9", Way.CLOUD_RUN, Identity.AUTO, True),
        ("http://10.0.0.7", Way.CLOUD_RUN, Identity.AUTO, False),  # anybody on the way could read it
        ("http://backend-uc.a.run.app", Way.BACKEND, Identity.AUTO, False),
        ("https://run.app.example.com", Way.BACKEND, Identity.AUTO, False),
        ("https://evilrun.app", Way.BACKEND, Identity.AUTO, False),
        ("https://api.example.com", Way.BACKEND, Identity.ALWAYS, True),
        ("https://backend-uc.a.run.app", Way.CLOUD_RUN, Identity.NEVER, False),
    ],
)
def test_only_cloud_run_gets_a_token_by_itself_and_never_in_the_clear(url, way, mode, token):
    assert identified(url, way, mode) is token


def test_a_setting_that_is_none_is_named():
    with pytest.raises(ValueError, match="SIGHTSERVE_IDENTITY is 'yes': it needs to be one of auto, always, never"):
        read_places({"SIGHTSERVE_IDENTITY": "yes"})


def test_the_environment_is_no_part_of_what_is_printed():
    places = read_places({"BACKEND": "http://b", "AWS_SECRET": "hush"})

    assert "hush" not in repr(places)


def test_on_cloud_run_project_and_region_come_from_the_machine_and_one_request_finds_the_service(cloud):
    found = Finder(read_places(cloud.environment)).find()

    assert (found.url, found.way, found.identified) == (cloud.gate.url, Way.CLOUD_RUN, True)
    assert "Cloud Run service sightserve-backend" in found.how
    assert len(cloud.api.asked) == 1
    assert "/computeMetadata/v1/project/project-id" in cloud.metadata.asked


def test_what_was_found_is_remembered_for_its_time_and_then_asked_again(cloud):
    now = [0.0]
    finder = Finder(read_places(cloud.environment), kept=300, clock=lambda: now[0])
    finder.find()
    now[0] = 299.0
    finder.find()
    assert len(cloud.api.asked) == 1

    cloud.api.services["sightserve-backend"] = "https://moved.run.app"
    now[0] = 301.0

    assert finder.find().url == "https://moved.run.app"


def test_a_failure_is_never_remembered(cloud, monkeypatch):
    monkeypatch.setattr(discovery, "LOCAL_BACKEND", f"http://127.0.0.1:{free_port()}")
    service = cloud.api.services.pop("sightserve-backend")
    finder = Finder(read_places(cloud.environment))
    with pytest.raises(BackendNotFound) as error:
        finder.find()
    assert [attempt.outcome for attempt in error.value.attempts] == [
        "There is no service sightserve-backend in project my-project, region europe-west1.",
        "Nothing answers there.",
    ]

    cloud.api.services["sightserve-backend"] = service

    assert finder.find().url == service


def test_backend_stands_in_while_the_service_is_not_found_and_no_longer(cloud):
    service = cloud.api.services.pop("sightserve-backend")
    environment = cloud.environment | {"BACKEND": "http://standby/", "SIGHTSERVE_CLOUD_PROJECT": "my-project"}
    finder = Finder(read_places(environment))

    standby = finder.find()
    cloud.api.services["sightserve-backend"] = service
    found = finder.find()

    assert (standby.url, standby.way) == ("http://standby", Way.FALLBACK)
    assert "There is no service sightserve-backend" in standby.how
    assert not standby.identified
    assert (found.url, found.way) == (service, Way.CLOUD_RUN)


def test_an_api_that_fails_for_a_moment_does_not_take_away_what_was_found_but_a_removed_service_is_gone(
    cloud, monkeypatch
):
    monkeypatch.setattr(discovery, "LOCAL_BACKEND", f"http://127.0.0.1:{free_port()}")
    now = [0.0]
    finder = Finder(read_places(cloud.environment), kept=300, clock=lambda: now[0])
    url = finder.find().url
    now[0], cloud.api.refuses = 301.0, 503

    kept = finder.find()

    assert kept.url == url
    assert "could not be asked again" in kept.how
    now[0] += 31.0  # such an answer is good for 30 s
    cloud.api.refuses = 404
    with pytest.raises(BackendNotFound):
        finder.find()


def test_visitors_who_come_together_look_once(cloud):
    cloud.api.seconds = 0.3
    finder = Finder(read_places(cloud.environment))
    together = threading.Barrier(8)

    def visit(_):
        together.wait()
        return finder.find().url

    with ThreadPoolExecutor(8) as visitors:
        urls = list(visitors.map(visit, range(8)))

    assert urls == [cloud.gate.url] * 8
    assert len(cloud.api.asked) == 1


def test_who_waits_for_anothers_look_hears_of_its_failure_too(cloud, monkeypatch):
    monkeypatch.setattr(discovery, "LOCAL_BACKEND", f"http://127.0.0.1:{free_port()}")
    cloud.api.services.clear()
    cloud.api.seconds = 0.3
    finder = Finder(read_places(cloud.environment))
    together = threading.Barrier(4)

    def visit(_):
        together.wait()
        with pytest.raises(BackendNotFound):
            finder.find()

    with ThreadPoolExecutor(4) as visitors:
        list(visitors.map(visit, range(4)))

    gets = [target for target in cloud.api.asked if "/services/sightserve-backend" in target]
    assert len(gets) == 1


def test_this_machine_counts_only_when_a_sightserve_answers_there(monkeypatch, cloud):
    with fake_backend() as backend:
        monkeypatch.setattr(discovery, "LOCAL_BACKEND", backend.url)
        backend.ready = False  # starting counts

        assert Finder(read_places({})).find().way is Way.LOCAL
    monkeypatch.setattr(discovery, "LOCAL_BACKEND", cloud.metadata.url)
    with pytest.raises(BackendNotFound, match="no Sightserve"):
        Finder(read_places({})).find()


@pytest.mark.parametrize(
    "environment", [{}, {"SIGHTSERVE_CLOUD_PROJECT": "my-project", "SIGHTSERVE_CLOUD_REGION": "europe-west1"}]
)
def test_off_google_cloud_no_metadata_server_is_asked_or_waited_for(environment, cloud, monkeypatch):
    """It is there and would answer: that it hears nothing says more than a clock."""
    monkeypatch.setattr(discovery, "LOCAL_BACKEND", f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()

    with pytest.raises(BackendNotFound):
        Finder(read_places(environment | {"HOME": "/dev/null/home"})).find()

    assert cloud.metadata.asked == []
    assert time.monotonic() - began < 3  # google-auth's own search waits 3 s for each of 3 tries, and more
