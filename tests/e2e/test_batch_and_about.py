"""The Batch and the About page in a real browser."""

import io
import zipfile

import pandas as pd
import pytest
from playwright.sync_api import FilePayload, Page, expect
from tests.conftest import SAMPLES

pytestmark = pytest.mark.browser


def visit(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_folder_becomes_a_table_a_chart_and_downloads(page, both_halves, artifacts, tmp_path):
    visit(page, both_halves["ui"] + "/batch")
    page.get_by_text("A folder", exact=True).click()
    page.locator("input.folder").set_input_files(SAMPLES)  # SOURCES.md in it is no photo
    page.get_by_role("button", name="Classify 6 photos").click()

    expect(page.get_by_text("6 photos answered")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    labels = page.get_by_role("list", name="Photos by label")
    expect(labels.get_by_role("listitem").filter(has_text="espresso")).to_contain_text("1")
    page.screenshot(path=artifacts / "batch-page-1280.png")
    for key, read in (("batch-csv", pd.read_csv), ("batch-parquet", pd.read_parquet)):
        with page.expect_download() as download:
            page.locator(f".st-key-{key} button").click()
        download.value.save_as(tmp_path / key)
        table = read(tmp_path / key)
        assert list(table["file"]) == sorted(path.name for path in SAMPLES.glob("*.jpg"))
        assert table["label"][2] == "espresso"


def test_a_zip_with_bad_entries_gives_errors_beside_results(page, both_halves, espresso):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.jpg", espresso)
        archive.writestr("../out.jpg", espresso)
        archive.writestr("bomb.bmp", bytes(20 * 2**20))
    visit(page, both_halves["ui"] + "/batch")
    page.get_by_text("A zip", exact=True).click()
    expect(page.get_by_text("A zip of photos")).to_be_visible()
    page.locator("input.files").set_input_files(
        FilePayload(name="photos.zip", mimeType="application/zip", buffer=buffer.getvalue())
    )

    page.get_by_role("button", name="Classify 3 photos").click()

    expect(page.get_by_text("1 photo answered, 2 errors")).to_be_visible()
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
