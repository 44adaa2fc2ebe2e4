"""The Batch and the About page in a real browser."""

import io
import zipfile

import pandas as pd
import pytest
from playwright.sync_api import Dialog, FilePayload, Page, expect
from tests.conftest import SAMPLES
from tests.e2e.conftest import hand_over, violations

pytestmark = pytest.mark.browser

NAMES = sorted(path.name for path in SAMPLES.glob("*.jpg"))
ALL, ESPRESSO = len(NAMES), NAMES.index("espresso.jpg")


def visit(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def classify_samples(page: Page, url: str) -> None:
    visit(page, url + "/batch")
    page.locator("input.folder").set_input_files(SAMPLES)  # SOURCES.md in it is no photo
    page.get_by_role("button", name=f"Classify {ALL} photos").click()
    expect(page.get_by_text(f"{ALL} photos answered")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()


def press_row(page: Page, row: float, *, across: float) -> None:
    """Press a cell of the table, which is one canvas: rows have 56 pixels, and their heads a little less."""
    page.wait_for_timeout(500)  # the canvas is drawn anew after it has changed
    table = page.locator(".st-key-results canvas").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + across * box["width"], box["y"] + 36 + 56 * (row + 0.5))


def test_a_folder_becomes_a_table_a_chart_and_downloads(page, both_halves, artifacts, tmp_path):
    classify_samples(page, both_halves["ui"])
    labels = page.get_by_role("list", name="Photos by label")
    expect(labels.get_by_role("listitem").filter(has_text="espresso")).to_contain_text("1")
    page.screenshot(path=artifacts / "batch-page-1280.png")
    for key, read in (("batch-csv", pd.read_csv), ("batch-parquet", pd.read_parquet)):
        with page.expect_download() as download:
            page.locator(f".st-key-{key} button").click()
        download.value.save_as(tmp_path / key)
        table = read(tmp_path / key)
        assert list(table["path"]) == [f"{SAMPLES.name}/{name}" for name in NAMES]
        assert table["label"][ESPRESSO] == "espresso"
    toolbar = page.locator(".st-key-results").get_by_role("button", name="Download as CSV")
    expect(toolbar).to_be_hidden()
    with page.expect_download() as download:
        page.get_by_role("link", name=f"{ALL} photos sorted into folders").click()
    download.value.save_as(tmp_path / "sorted.zip")
    with zipfile.ZipFile(tmp_path / "sorted.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("espresso/espresso.jpg") == (SAMPLES / "espresso.jpg").read_bytes()
        assert len(archive.namelist()) == ALL


@pytest.mark.parametrize(
    "across",
    [
        pytest.param(0.05, id="picture", marks=pytest.mark.slow),
        pytest.param(0.2, id="label"),
        pytest.param(0.9, id="file", marks=pytest.mark.slow),
    ],
)
def test_a_press_anywhere_in_a_row_opens_its_photo_in_sight(page, both_halves, artifacts, across):
    classify_samples(page, both_halves["ui"])

    press_row(page, ESPRESSO, across=across)

    opened = page.locator(".st-key-opened")
    expect(opened.get_by_text(f"espresso.jpg · {ESPRESSO + 1} of {ALL}")).to_be_visible()
    page.wait_for_timeout(500)  # it moves until the pressed row is in sight beside its photo
    sheet, table = opened.bounding_box(), page.locator(".st-key-results canvas").first.bounding_box()
    assert sheet is not None
    assert table is not None
    assert table["y"] + 36 + (ESPRESSO + 1) * 56 <= sheet["y"] + 1
    expect(opened.get_by_role("img", name="The photo")).to_be_in_viewport(ratio=1)
    bars = opened.get_by_role("list", name="Probabilities").get_by_role("listitem")
    expect(bars).to_have_count(5)
    expect(bars.first).to_be_in_viewport(ratio=1)
    page.screenshot(path=artifacts / "batch-opened-1280.png")
    opened.get_by_role("button", name="Next").click()
    expect(opened.get_by_text(f"{NAMES[ESPRESSO + 1]} · {ESPRESSO + 2} of {ALL}")).to_be_visible()
    press_row(page, ESPRESSO, across=across)
    expect(opened.get_by_text(f"espresso.jpg · {ESPRESSO + 1} of {ALL}")).to_be_visible()
    opened.get_by_role("button", name="Close").click()
    expect(opened).to_have_count(0)
    press_row(page, ESPRESSO, across=across)
    expect(opened.get_by_text(f"espresso.jpg · {ESPRESSO + 1} of {ALL}")).to_be_visible()


@pytest.mark.slow
def test_a_row_is_opened_in_the_order_that_the_reader_sees(page, both_halves):
    """A column's name sorts in the browser alone, of which the server learns nothing."""
    classify_samples(page, both_halves["ui"])
    press_row(page, -0.85, across=0.15)  # the head of the labels
    press_row(page, 0, across=0.2)
    first = page.locator(".st-key-opened").inner_text()

    press_row(page, -0.85, across=0.15)
    press_row(page, 0, across=0.2)

    expect(page.locator(".st-key-opened")).not_to_contain_text(first.splitlines()[0])


@pytest.mark.slow
def test_filters_are_there_again_after_another_page(page, both_halves):
    classify_samples(page, both_halves["ui"])
    page.get_by_label("Find a file or label").fill("espresso")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"1 of {ALL} shown")).to_be_visible()

    page.get_by_role("link", name="About").click()
    expect(page.get_by_text("Typical answer")).to_be_visible()
    page.get_by_role("link", name="Batch").click()

    expect(page.get_by_text(f"1 of {ALL} shown")).to_be_visible()
    expect(page.get_by_label("Find a file or label")).to_have_value("espresso")
    expect(page.get_by_role("button", name="CSV of these 1")).to_be_visible()


@pytest.mark.slow
def test_a_phone_shows_label_and_probability_and_a_touch_opens_the_photo(new_page, both_halves, artifacts):
    phone = new_page(390, 844, has_touch=True, is_mobile=True)
    classify_samples(phone, both_halves["ui"])
    table = phone.locator(".st-key-results canvas").first
    table.scroll_into_view_if_needed()
    phone.screenshot(path=artifacts / "batch-page-390.png")
    box = table.bounding_box()
    assert box is not None

    phone.touchscreen.tap(box["x"] + 250, box["y"] + 36 + 56 * (ESPRESSO + 0.5))  # on its probability

    opened = phone.locator(".st-key-opened")
    expect(opened.get_by_text(f"espresso.jpg · {ESPRESSO + 1} of {ALL}")).to_be_in_viewport(ratio=1)
    expect(opened.get_by_role("list", name="Probabilities")).to_be_in_viewport(ratio=1)
    phone.wait_for_timeout(500)
    phone.screenshot(path=artifacts / "batch-opened-390.png")
    assert violations(phone) == []


@pytest.mark.slow
def test_a_zip_with_bad_entries_gives_errors_beside_results(page, both_halves, espresso):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.jpg", espresso)
        archive.writestr("../out.jpg", espresso)
        archive.writestr("bomb.bmp", bytes(20 * 2**20))
    visit(page, both_halves["ui"] + "/batch")
    page.locator("input.files").set_input_files(
        FilePayload(name="photos.zip", mimeType="application/zip", buffer=buffer.getvalue())
    )

    page.get_by_role("button", name="Classify 3 photos").click()

    expect(page.get_by_text("1 photo answered in a moment, 2 errors")).to_be_visible()
    expect(page.get_by_role("heading", name="2 errors")).to_be_visible()


def test_the_about_page_says_who_answers_and_how_fast(page, both_halves):
    visit(page, both_halves["ui"] + "/about")

    expect(page.get_by_test_id("stMain").get_by_text("Ready").first).to_be_visible()
    expect(page.get_by_text(both_halves["api"]).first).to_be_visible()
    expect(page.get_by_text("efficientnet-lite2-int8 2.0.0")).to_be_visible()
    expect(page.get_by_text("Typical answer")).to_be_visible()
    link = page.get_by_role("link", name="API documentation")
    assert link.get_attribute("href") == both_halves["api"] + "/docs"
    page.get_by_label("Look through its 1,000 labels").fill("espresso")
    page.keyboard.press("Enter")
    expect(page.get_by_text("espresso maker")).to_be_visible()


@pytest.mark.slow
def test_photos_dropped_anywhere_are_taken_and_a_reload_asks_before_they_are_lost(page, both_halves):
    visit(page, both_halves["ui"] + "/batch")
    expect(page.locator(".invite")).to_be_visible()
    hand_over(page, "drop", SAMPLES / "cat.jpg", SAMPLES / "espresso.jpg")
    page.get_by_role("button", name="Classify 2 photos").click()
    expect(page.get_by_text("2 photos answered")).to_be_visible()
    page.get_by_role("link", name="About").click()
    expect(page.get_by_role("heading", name="About this classifier")).to_be_visible()
    asked = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.evaluate("setTimeout(() => location.reload(), 0)")
    page.wait_for_timeout(1000)

    assert asked == ["beforeunload"]
    page.get_by_role("link", name="Batch").click()
    expect(page.get_by_text("2 photos answered")).to_be_visible()
