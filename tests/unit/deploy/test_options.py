"""What may become a word of a command line."""

import pytest

from sightserve.deploy.options import InvalidOption, Options, Size, backend_size


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("project", ""),
        ("project", "short"),
        ("project", "Upper-case"),
        ("project", "--project"),
        ("project", "my-project\n"),
        ("project", "my-project; true"),
        ("project", "$(id)-project"),
        ("project", "a" * 31),
        ("project", "ends-with-"),
        ("region", "europe"),
        ("region", "europe-west1-b"),
        ("region", "-west1"),
        ("prefix", "a" * 21),
        ("prefix", "x"),
        ("prefix", "1st"),
        ("prefix", "under_score"),
        ("tag", ""),
        ("tag", ".dot"),
        ("tag", "a b"),
        ("tag", "a,b"),
        ("tag", "a" * 129),
        ("backend_image", "no-slash"),
        ("backend_image", "host/name,--flag"),
        ("backend_image", "-host/name"),
        ("source", "-x"),
        ("build_region", "everywhere"),
        ("build_region", "global,x"),
    ],
)
def test_a_name_that_google_does_not_allow_is_refused_by_name(name, value):
    values = {"project": "my-project", "region": "europe-west1"} | {name: value}

    with pytest.raises(InvalidOption, match=name.replace("_", " ")):
        Options(**values)


@pytest.mark.parametrize(
    "region", ["europe-west1", "northamerica-northeast2", "us-central1", "me-central2", "europe-west12"]
)
def test_googles_own_regions_pass(region):
    assert Options("my-project", region).registry == f"{region}-docker.pkg.dev"


def test_names_fit_what_google_allows_at_their_longest():
    options = Options("my-project", "europe-west1", prefix="a" * 20)

    longest = Options("a" * 30, "europe-west1", prefix="a" * 20)

    assert len(options.service("frontend")) <= 30
    assert len(longest.bucket.removeprefix("gs://")) <= 63


@pytest.mark.parametrize(
    ("size", "says"),
    [
        ({"cpu": 3}, "3 vCPUs"),
        ({"cpu": 4, "memory": "1Gi"}, "at least 2048Mi"),
        ({"memory": "1GB"}, "write it like"),
        ({"concurrency": 1001}, "concurrency 1001"),
        ({"concurrency": -1}, "concurrency -1"),
        ({"least": 5, "most": 4}, "instances 5 to 4"),
        ({"most": 0}, "instances 0 to 0"),
    ],
)
def test_a_size_that_cloud_run_does_not_give_is_refused(size, says):
    with pytest.raises(InvalidOption, match=says):
        backend_size(**size)


@pytest.mark.parametrize("cpu", [1, 2, 4, 6, 8])
def test_every_number_of_cpus_has_a_size_that_cloud_run_gives(cpu):
    size = backend_size(cpu)

    assert isinstance(size, Size)
    assert size.concurrency == 32 * cpu


def test_an_image_of_ones_own_is_deployed_as_it_is():
    own = "europe-west1-docker.pkg.dev/my-project/mine/model:v2"

    assert Options("my-project", "europe-west1", backend_image=own).image("backend") == own
