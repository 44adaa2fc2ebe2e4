"""The pages with models of other kinds than the embedded one, as bundles that real servers serve."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.conftest import SAMPLES
from tests.own_models import write_own
from tests.processes import free_port, running
from tests.web_app import running_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Logits by (red, green, blue, 1): the espresso is red, the mountains are blue.
SCENE = np.array([[-8, -6, 2, 8, 4], [0, 2, 0, 0, 2], [10, 8, 0, -8, -4], [-0.5, -1, -1, -1, -0.5]], float)
ODD = ["<b>bold</b>", ":material/delete: *stars* [a](https://elsewhere.example)", "قطة", "x" * 200]


@contextmanager
def served(folder: Path, model: Path, port: int) -> Iterator[str]:
    url = f"http://127.0.0.1:{port}"
    words = ("serve", "--port", str(port), "--model", str(model), "--cpus", "1")
    with running(*words, health=f"{url}/health/ready", log=folder / f"{model.name}.log"):
        yield url


def choose(page: Page, *names: str) -> None:
    page.locator("input.files").first.set_input_files([SAMPLES / f"{name}.jpg" for name in names])


def test_labels_that_exclude_nothing_are_all_named_in_a_photo_and_in_a_batch(tmp_path, page):
    model = write_own(tmp_path / "scene", ["sky", "water", "people", "food", "animal"], weights=SCENE, independent=True)
    with served(tmp_path, model, free_port()) as url, running_app(tmp_path, url) as app:
        page.goto(app.url)
        choose(page, "espresso")

        expect(page.get_by_role("heading", name="food, animal, people")).to_be_visible()
        expect(page.locator(".st-key-answer").get_by_text(re.compile("3 labels apply · 9")).first).to_be_visible()
        page.get_by_role("button", name="Settings").click()
        expect(page.get_by_role("slider", name="A label applies from")).to_have_value("50")
        expect(page.get_by_role("slider", name="Labels to show")).to_have_attribute("max", "5")

        page.goto(f"{app.url}/batch")
        choose(page, "espresso", "mountains")
        page.get_by_role("button", name="Classify 2 photos").click()
        expect(page.get_by_text("A photo counts for each label that applies to it.")).to_be_visible()
        expect(page.get_by_text("a photo with several is in each one's folder")).to_be_visible()


def test_a_model_of_two_labels_that_another_takes_the_place_of(tmp_path, page):
    port, weights = free_port(), np.array([[14, -14], [0, 0], [-14, 14], [0, 0]], float)
    fruit = write_own(tmp_path / "fruit", ["ripe", "rotten"], weights=weights, page={"title": "Fruit check"})
    shapes = write_own(tmp_path / "colours", ["red", "blue", "green"], weights=np.eye(4)[:, :3] * 9,
                       page={"title": "Colours", "question": "Which colour?"})  # fmt: skip
    with running_app(tmp_path, f"http://127.0.0.1:{port}") as app:
        with served(tmp_path, fruit, port):
            page.goto(app.url)
            choose(page, "espresso")
            expect(page.get_by_role("heading", name="ripe", exact=True)).to_be_visible()
            expect(page).to_have_title("Photo - Fruit check")
        with served(tmp_path, shapes, port):
            choose(page, "cat")

            expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible()
            expect(page.get_by_role("heading", name="Which colour?")).to_be_visible()
            expect(page).to_have_title("Photo - Colours")
            expect(page.get_by_role("list", name="Probabilities").get_by_role("listitem")).to_have_count(3)
            choose(page, "espresso")  # answered before, by the other model
            expect(page.get_by_role("heading", name="ripe", exact=True)).to_have_count(0)
            expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_what_a_bundle_says_is_text_and_fits(tmp_path, new_page, width):
    """A page that asked anything of anybody else would fail, too."""
    said = {
        "title": "<i>T</i> *s* :red[x]", "question": "# Which? ![x](https://elsewhere.example/x.png)", "about": "**b** <b>",
    }  # fmt: skip
    weights = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0.5, 3]], float)
    model = write_own(tmp_path / "odd", ODD, weights=weights, page=said, description="", license="NOASSERTION")
    page = new_page(width=width, height=800)
    with served(tmp_path, model, free_port()) as url, running_app(tmp_path, url) as app:
        page.goto(app.url)
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"# Which\? !\[x\]\(https:"))
        choose(page, "espresso")
        expect(page.get_by_role("heading", name="x" * 200)).to_be_visible()
        assert page.evaluate("document.querySelector('.stMain').scrollWidth <= innerWidth")

        page.goto(f"{app.url}/about")
        page.get_by_label("Look through its 4 labels").fill("a")
        page.keyboard.press("Enter")
        expect(page.get_by_text(ODD[1].replace(":", "").removeprefix("material/"))).to_have_count(0)
        expect(page.get_by_text("*stars* [a]")).to_be_visible()
        expect(page.get_by_text("not said")).to_be_visible()
        expect(page.get_by_text("What it is")).to_have_count(0)
