"""A server that speaks S3, with a bad day in front of it that tests switch on and off."""

import urllib.request
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from tests.fakes.faulty import Faulty, faulty_store
from tests.fakes.s3 import fake_s3

from sightserve.batch.clouds.opening import locate
from sightserve.batch.clouds.patience import Patience

SHORT = Patience(seconds=15, pause=0.02, longest=0.2)  # nobody waits for long between two tries


@pytest.fixture(scope="session")
def front() -> Iterator[Faulty]:
    with fake_s3() as url, faulty_store(url) as faulty:
        yield faulty


@pytest.fixture(scope="session")
def client(front: Faulty) -> Iterator[Any]:
    """s3fs as users configure it: by the environment."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", front.url)
        environment.setenv("AWS_ACCESS_KEY_ID", "somebody")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        # botocore's own tries come a second and more apart; ours are what is looked at
        environment.setitem(fsspec.config.conf, "s3", {"config_kwargs": {"retries": {"total_max_attempts": 1}}})
        cloud, _ = locate("s3://photos")
        yield cloud.fs  # type: ignore[attr-defined]


@pytest.fixture
def s3(front: Faulty, client: Any) -> Iterator[Faulty]:
    """The store in front of which faults can be, with a bucket `photos`, empty."""
    front.well()
    client.call_s3("create_bucket", Bucket="photos")
    front.asked.clear()
    yield front
    front.well()
    with urllib.request.urlopen(urllib.request.Request(f"{front.to}/moto-api/reset", method="POST")):
        pass


def put(key: str, data: bytes = b"a photo") -> str:
    """Put an object into the bucket; gives its address."""
    cloud, _ = locate("s3://photos")
    cloud.put(key, data)
    return f"s3://photos/{key}"
