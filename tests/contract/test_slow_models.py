"""A model that takes a third of a second for a photo: who asks waits for longer, and is answered."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from tests.networks import network, write
from tests.processes import running_backend

pytestmark = pytest.mark.slow  # that it is


def test_the_deadline_is_as_long_as_the_model_takes(tmp_path, espresso):
    bundle = write(tmp_path / "slow", model=network(slow=60))

    with (
        running_backend(tmp_path / "log", "--model", str(bundle), "--cpus", "2") as backend,
        ThreadPoolExecutor(4) as pool,
    ):
        limits = httpx2.get(backend.url).json()["limits"]
        found = list(
            pool.map(
                lambda _: httpx2.post(f"{backend.url}/predict", content=espresso, timeout=60).status_code, range(12)
            )
        )

    log = (tmp_path / "log").read_text()
    inference = float(re.search(r'"inference_ms": ([\d.]+)', log)[1])  # type: ignore[index]
    assert inference > 120  # else nothing was shown here
    assert limits["deadline_ms"] == pytest.approx(min(30_000, 20 * inference), abs=1)
    assert set(found) == {200}
    assert re.search(r'"photos_a_second": [\d.]+, "deadline_ms": ', log)


def test_a_deadline_that_is_set_stays(tmp_path, espresso):
    bundle = write(tmp_path / "slow", model=network(slow=30))

    with running_backend(
        tmp_path / "log", "--model", str(bundle), "--cpus", "1", SIGHTSERVE_DEADLINE_MS="300"
    ) as backend:
        assert httpx2.get(backend.url).json()["limits"]["deadline_ms"] == 300
        with ThreadPoolExecutor(8) as pool:
            found = list(
                pool.map(
                    lambda _: httpx2.post(f"{backend.url}/predict", content=espresso, timeout=60).status_code, range(16)
                )
            )

    assert set(found) & {503, 504}
