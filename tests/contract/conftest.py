"""What the tests of a backend under load share."""

import io

import pytest
from PIL import Image
from tests.processes import running_backend


@pytest.fixture(scope="module")
def slow_photo() -> bytes:
    """A photo that takes a while to decode: no reduced scale helps a PNG."""
    buffer = io.BytesIO()
    Image.effect_noise((2500, 2000), 60).convert("RGB").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@pytest.fixture
def small_backend(tmp_path):
    with running_backend(tmp_path / "log", "--cpus", "1") as running:
        yield running
