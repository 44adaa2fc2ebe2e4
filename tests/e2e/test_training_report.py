"""The page that a training leaves, opened from the disk: it needs no server and asks nothing of anybody."""

import pytest
from tests import training_report
from tests.e2e.conftest import violations

from sightserve.training.report.page import page, shown
from sightserve.training.report.pictures import pictures

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    report = training_report.report()
    path = folder / "report.html"
    path.write_text(page(report, pictures(shown(report), training_report.draw(folder))), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it_whatever_files_are_called(file, new_page, width, scheme):
    opened = new_page(width=width, color_scheme=scheme)
    said = []
    opened.on("console", lambda message: said.append(message.text))

    opened.goto(file.as_uri())

    assert opened.title() == "apples 1: how right it is"
    assert opened.get_by_role("heading", level=1).inner_text().startswith("Right on 223 of 237 photos")
    assert opened.evaluate("[...document.images].map(image => image.naturalWidth > 0)") == [True] * 5
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    assert said == []
    assert violations(opened) == []
