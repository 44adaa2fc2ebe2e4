"""Both images, built once, and both halves running as containers."""

import subprocess
from collections.abc import Iterator

import pytest
from tests.conftest import ROOT
from tests.containers.engine import IMAGES, Container, running_container, wait_until_ready
from tests.e2e.conftest import artifacts, browser, contexts, new_page, page

__all__ = ["artifacts", "browser", "contexts", "new_page", "page"]


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """The images' names and, under "base", that of what they are built on; under "revision" the commit."""
    built = subprocess.run([ROOT / "containers" / "build.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return IMAGES | {"base": built.split()[-1], "revision": revision.strip()}


@pytest.fixture(scope="session")
def backend(images: dict[str, str]) -> Iterator[Container]:
    with running_container("backend") as container:
        wait_until_ready("backend", container)
        yield container


@pytest.fixture(scope="session")
def frontend(images: dict[str, str], backend: Container) -> Iterator[Container]:
    with running_container("frontend", BACKEND=backend.url) as container:
        wait_until_ready("frontend", container)
        yield container
