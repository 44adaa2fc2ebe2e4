"""What every test may ask for: photos that ship, photos that may be there, and a running backend."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.processes import RunningBackend, running_backend

import sightserve

ROOT = Path(__file__).parents[1]
SAMPLES = Path(sightserve.__file__).parent / "frontend" / "samples"
PHOTOS = Path(os.environ.get("SIGHTSERVE_PHOTOS", ROOT.parent / "shared" / "photos"))


@pytest.fixture(scope="session")
def cat() -> bytes:
    return (SAMPLES / "cat.jpg").read_bytes()


@pytest.fixture(scope="session")
def espresso() -> bytes:
    return (SAMPLES / "espresso.jpg").read_bytes()


@pytest.fixture(scope="session")
def labelled_photos() -> list[tuple[Path, int]]:
    """Real photos with their class index; skipped where the folder is absent (set SIGHTSERVE_PHOTOS to name another)."""
    table = PHOTOS / "labels.csv"
    if not table.is_file():
        pytest.skip(f"needs the labelled photos: {table} is not there")
    with table.open(newline="") as file:
        return [(PHOTOS / row["file"], int(row["class_index"])) for row in csv.DictReader(file)]


@pytest.fixture(scope="session")
def backend_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBackend]:
    """The real server, as `sightserve serve` starts it, shared by all tests that only ask it things."""
    log = tmp_path_factory.mktemp("backend") / "backend.log"
    with running_backend(log) as backend:
        yield backend


@pytest.fixture(scope="session")
def backend_url(backend_process: RunningBackend) -> str:
    return backend_process.url
