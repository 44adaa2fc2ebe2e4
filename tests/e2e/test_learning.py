"""A classifier that learns from its mistakes: what people say on the page makes the next one better on unseen photos."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.drawn import SHAPES, biscuit, fill
from tests.processes import clean_environment, free_port, running

from sightserve.client import Client

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_CORRECTIONS = 30
# so many by a person at the page, the others as a program sends them, which is sooner done
_ON_THE_PAGE = int(os.environ.get("SIGHTSERVE_TEST_ON_THE_PAGE", "4"))


def train(folder: Path, *flags: str) -> dict[str, object]:
    words = [
        sys.executable,
        "-m",
        "sightserve",
        "train",
        str(folder / "photos"),
        "--name",
        "biscuits",
        "--progress",
        "json",
    ]
    run = subprocess.run(
        [*words, *flags], env=environment(folder), capture_output=True, text=True, check=True, timeout=120
    )
    report: dict[str, object] = json.loads(run.stdout.splitlines()[-1])["trained"]["report"]
    return report


def environment(folder: Path) -> dict[str, str]:
    return clean_environment(SIGHTSERVE_MODELS_DIR=str(folder / "models"), XDG_CACHE_HOME=str(folder / "cache"))


def share_right(client: Client, photos: Path) -> float:
    files = sorted(photos.glob("*/*.jpg"))
    return sum(client.predict(path).prediction == path.parent.name for path in files) / len(files)


def judge(page: Page, url: str, photo: Path, label: str) -> None:
    page.goto(url)
    page.locator("input.files").set_input_files(photo)
    expect(page.get_by_alt_text(f"The photo {photo.name}")).to_be_visible()
    expect(page.get_by_role("button", name="Wrong")).to_be_visible()
    if page.get_by_role("heading", name=label).is_visible():
        page.get_by_role("button", name="Right").click()
        page.get_by_role("button", name="Keep the photo too").click()
        expect(page.locator(".sightserve-kept")).to_contain_text("kept as right, with the photo")
        return
    page.get_by_role("button", name="Wrong").click()
    page.get_by_role("combobox", name="What is it?").press_sequentially(label)
    page.keyboard.press("Enter")
    page.get_by_text("Keep this photo with it").click()
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".sightserve-kept")).to_contain_text(f"kept as “{label}”, with the photo")


def test_thirty_corrections_make_it_better_on_photos_that_it_never_saw(tmp_path, page):
    """It learned from five biscuits of each shape on a light tray; people bake on dark ones."""
    fill(tmp_path / "photos", 5)
    unseen = fill(tmp_path / "unseen", 20, first=500, dark=True)
    train(tmp_path)
    database = f"sqlite:///{tmp_path}/feedback.db"
    api, ui = free_port(), free_port()
    up = ("up", "--model", "biscuits", "--port", str(api), "--ui-port", str(ui))
    where = {"SIGHTSERVE_FEEDBACK_DATABASE": database, "SIGHTSERVE_MODELS_DIR": str(tmp_path / "models")}
    health, url = f"http://127.0.0.1:{ui}/_stcore/health", f"http://127.0.0.1:{ui}"
    with running(*up, health=health, log=tmp_path / "before", **where), Client(f"http://127.0.0.1:{api}") as client:
        before = share_right(client, unseen)
        for seed in range(_CORRECTIONS):
            label = SHAPES[seed % len(SHAPES)]
            biscuit(label, seed, dark=True).save(photo := tmp_path / f"{seed}.jpg")
            if seed < _ON_THE_PAGE:
                judge(page, url, photo, label)
                continue
            answer = client.predict(photo)
            right = answer.prediction == label
            client.feedback(answer, right=right, label=None if right else label, photo=photo.read_bytes())

    report = train(tmp_path, "--replace", "--feedback", database)

    with running(*up, health=health, log=tmp_path / "after", **where), Client(f"http://127.0.0.1:{api}") as client:
        after = share_right(client, unseen)
    assert report["corrections"] == _CORRECTIONS
    # 60 photos: a twelfth more of them right is more than chance gives
    assert after >= before + 1 / 12
    print(f"right on {before:.0%} before, on {after:.0%} after")  # noqa: T201 - a figure for the docs
