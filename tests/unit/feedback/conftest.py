"""A database of each kind, and recorders that are closed at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.feedback import Clock
from tests.postgres import Postgres, postgres

from sightserve.feedback.database_recorder import DatabaseRecorder


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/feedback.db"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(clock: Clock) -> Iterator[Callable[..., DatabaseRecorder]]:
    opened: list[DatabaseRecorder] = []

    def opener(url: str, days: int = 30, photos: str | None = None, **rest: Any) -> DatabaseRecorder:
        opened.append(DatabaseRecorder(url, days, photos, clock=clock, environment={}, **rest))
        return opened[-1]

    yield opener
    for each in opened:
        each.close(5)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running
