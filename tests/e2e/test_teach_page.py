"""The Teach page in a real browser, with the real training: from drawn photos to a Photo page that knows three own classes."""

import random
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect
from tests.e2e.conftest import hand_over, violations
from tests.processes import free_port, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TRAINED = 150_000  # milliseconds; a busy machine takes its time
SHAPES = ("circles", "stripes", "triangles")


def drawn(folder: Path, shape: str, count: int) -> list[Path]:
    """Photos of one shape, of any colour, anywhere on a grainy ground."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        chance = random.Random(f"{shape}{number}")
        colour = [tuple(chance.randrange(40, 240) for _ in range(3)) for _ in range(2)]
        grain = Image.effect_noise((320, 240), 40).convert("RGB")
        photo = Image.blend(grain, Image.new("RGB", grain.size, colour[0]), 0.6)
        pen, size = ImageDraw.Draw(photo), chance.randrange(45, 80)
        x, y = chance.randrange(90, 230), chance.randrange(80, 160)
        if shape == "circles":
            pen.ellipse([x - size, y - size, x + size, y + size], fill=colour[1])
        elif shape == "stripes":
            for top in range(y - size, y + size, 22):
                pen.rectangle([x - size, top, x + size, top + 10], fill=colour[1])
        else:
            pen.polygon([(x, y - size), (x - size, y + size), (x + size, y + size)], fill=colour[1])
        paths.append(folder / f"{shape[0]}{number:02}.jpg")
        photo.save(paths[-1], quality=90)
    return paths


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    return {shape: drawn(folder / shape, shape, 16) for shape in SHAPES}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teach")
    api, ui = free_port(), free_port()
    own = {"SIGHTSERVE_UI_TEACH": "1", "SIGHTSERVE_MODELS_DIR": str(folder / "models"), "TMPDIR": str(folder)}
    health = f"http://127.0.0.1:{ui}/_stcore/health"
    words = ("up", "--port", str(api), "--ui-port", str(ui))
    with running(*words, health=health, log=folder / "log", XDG_CACHE_HOME=str(folder / "cache"), **own):
        yield f"http://127.0.0.1:{ui}"
    assert not list(folder.glob("sightserve-ui-*"))  # people's photos went with the app


def box(page: Page, number: int) -> Locator:
    return page.locator(f".st-key-box-{number}")


def dropped(page: Page, onto: str, *files: Path) -> None:
    """Drop files somewhere, as the browser tells a page of it."""
    page.evaluate("onto => { window.dropOnto = document.querySelector(onto); }", onto)
    page.evaluate("""() => { const find = document.querySelector; document.querySelector = function (what) {
        return what === "h1" && window.dropOnto ? window.dropOnto : find.call(document, what); }; }""")
    hand_over(page, "drop", *files)
    page.evaluate("() => { delete document.querySelector; }")


def test_from_an_empty_page_to_a_photo_page_that_knows_three_own_classes(page, app, photos, artifacts, tmp_path):
    page.goto(f"{app}/teach")
    expect(page.get_by_role("button", name="Train")).to_be_disabled()
    expect(page.get_by_text("needs 5 photos")).to_be_visible()
    empty = violations(page)

    page.get_by_label("What is it about?").fill("Shapes")
    name = box(page, 1).get_by_role("textbox")
    name.fill("circles")
    name.press("Enter")
    dropped(page, ".st-key-box-1 p", *photos["circles"], photos["stripes"][0], photos["stripes"][1])
    expect(box(page, 1).get_by_text("18 photos")).to_be_visible()
    with zipfile.ZipFile(tmp_path / "others.zip", "w") as others:
        for shape in SHAPES[1:]:
            for path in photos[shape][2 if shape == "stripes" else 0 :]:
                others.write(path, f"my shapes/{shape}/{path.name}")
    dropped(page, "h1", tmp_path / "others.zip")
    expect(box(page, 2).get_by_text("14 photos")).to_be_visible()
    expect(box(page, 3).get_by_text("16 photos")).to_be_visible()
    expect(box(page, 3).get_by_role("textbox")).to_have_value("triangles")
    page.screenshot(path=artifacts / "teach-boxes-1280.png")
    page.get_by_role("button", name="Train").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    filled = violations(page)

    expect(page.get_by_role("heading", name=re.compile(r"Right on \d+ of 48 photos it had not seen"))).to_be_visible(
        timeout=TRAINED
    )
    move = page.get_by_role("button", name="Move to stripes")  # the two that lie in the wrong box
    expect(move).to_have_count(2)
    page.screenshot(path=artifacts / "teach-report-1280.png", full_page=True)
    told = violations(page)
    move.first.click()
    expect(move).to_have_count(1)
    move.first.click()
    expect(box(page, 2).get_by_text("16 photos")).to_be_visible()
    page.get_by_role("button", name="Train again").click()
    expect(page.get_by_role("heading", name="Right on 48 of 48")).to_be_visible(timeout=TRAINED)

    with page.expect_download() as download:
        page.get_by_role("button", name="Model (zip)").click()
    download.value.save_as(tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as model:
        assert {"shapes/manifest.json", "shapes/report.html"} <= set(model.namelist())
    unseen = drawn(tmp_path / "unseen", "stripes", 18)[-1]
    page.locator(".st-key-box-try input.files").set_input_files(unseen)
    expect(page.locator(".st-key-tried").get_by_role("heading", name="stripes")).to_be_visible()
    page.get_by_role("button", name="Use it on all pages").click()
    page.get_by_role("link", name="To the Photo page").click()
    expect(page.get_by_role("heading", name="Shapes: which one is it?")).to_be_visible()
    page.locator("input.files").first.set_input_files(unseen)
    expect(page.locator(".st-key-answer").get_by_role("heading", name="stripes")).to_be_visible()
    assert (empty, filled, told) == ([], [], [])


def test_on_a_phone_photos_are_taken_one_after_another_and_a_training_can_be_stopped(new_page, app, photos, artifacts):
    page = new_page(390, 844, has_touch=True)
    page.goto(f"{app}/teach")
    box(page, 1).get_by_role("button", name="Camera").click()
    take = box(page, 1).get_by_role("button", name="Take photo, hold for many")
    page.wait_for_function(_CAMERA_IS_ON)
    take.hover()
    page.mouse.down()
    expect(box(page, 1).locator(".shots")).to_have_text(re.compile(r"^([6-9]|\d\d) taken"))
    page.mouse.up()
    box(page, 1).get_by_role("button", name="Done").click()
    expect(box(page, 1).get_by_text(re.compile(r"^([3-9]|\d\d) photos"))).to_be_visible()  # two may be the very same
    page.wait_for_timeout(1000)
    before = box(page, 1).locator(".collected li").count()
    box(page, 1).get_by_role("button", name="Remove camera.jpg").first.click()
    expect(box(page, 1).locator(".collected li")).to_have_count(before - 1)
    box(page, 1).locator("input.files").set_input_files(photos["circles"])
    box(page, 2).locator("input.files").set_input_files(photos["stripes"])
    expect(box(page, 2).get_by_text("16 photos")).to_be_visible()
    page.get_by_label("What is it about?").fill("phone")
    page.get_by_role("button", name="Train").click()

    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.get_by_role("button", name="Train")).to_be_enabled()
    page.screenshot(path=artifacts / "teach-390.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


_CAMERA_IS_ON = """() => [...document.querySelectorAll("*")].some(
  e => [...(e.shadowRoot?.querySelectorAll("video.live") ?? [])].some(v => !v.hidden && v.videoWidth > 0))"""
