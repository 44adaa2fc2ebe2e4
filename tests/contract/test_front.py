"""Through a front that refuses every third request, everything ends with every answer: commands, web app, and the client."""

import json
from contextlib import closing

import pytest
from tests.conftest import SAMPLES
from tests.contract.test_cli import sightserve_
from tests.fakes.front import PAGES, Front, fake_front
from tests.web_app import running_app

from sightserve.client import Client
from sightserve.loadtest.generator.browser import Browser


@pytest.fixture
def front(backend_url):
    with fake_front(backend_url) as front:
        yield front


@pytest.fixture
def photos(tmp_path):
    """Forty photos, no two of the same bytes, as a folder."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(8):
        for sample in sorted(SAMPLES.glob("*.jpg")):
            # what follows a JPEG's end is no part of the picture
            (folder / f"{number:02}-{sample.name}").write_bytes(sample.read_bytes() + bytes([number]))
    return folder


@pytest.fixture(scope="module")
def right(backend_url):
    """What the backend says of each sample when it is asked in peace."""
    with Client(backend_url) as client:
        return {sample.name: client.predict(sample).prediction for sample in SAMPLES.glob("*.jpg")}


def all_kinds(front: Front) -> bool:
    return set(front.refused) == {page[0] for page in PAGES}


def test_classify(front, photos, right):
    run = sightserve_("classify", "--json", "--backend", front.url, str(photos))

    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, run.stderr
    assert [a["prediction"] for a in answers] == [right[a["filename"].split("-", 1)[1]] for a in answers]
    assert len(answers) == 8 * len(list(SAMPLES.glob("*.jpg")))
    assert all_kinds(front)


@pytest.mark.slow
def test_a_video(front, backend_url, tmp_path):
    tour = str(SAMPLES / "tour.mp4")

    run = sightserve_("video", tour, "--backend", front.url, "--raw", str(tmp_path / "raw.json"))
    calm = sightserve_("video", tour, "--backend", backend_url, "--raw", str(tmp_path / "calm.json"))

    assert (run.returncode, calm.returncode) == (0, 0), run.stderr
    assert run.stdout == calm.stdout
    assert json.loads((tmp_path / "raw.json").read_text()) == json.loads((tmp_path / "calm.json").read_text())
    assert all_kinds(front)


@pytest.mark.slow
def test_many_images_from_a_program(front, photos, right):
    with Client(front.url) as client:
        answers = list(client.predict_many(sorted(photos.iterdir())))

    assert {a.error for a in answers} == {None}
    found = {str(a.filename): a.prediction.prediction for a in answers if a.prediction is not None}
    assert found == {photo.name: right[photo.name.split("-", 1)[1]] for photo in photos.iterdir()}


@pytest.mark.slow
def test_photos_and_a_batch_of_a_hundred_on_the_page(front, tmp_path, espresso):
    with running_app(tmp_path, front.url) as app:
        for number in range(4):
            with closing(Browser(app.url, 30)) as visitor:
                visitor.open()
                visitor.upload("photo", [("espresso.jpg", espresso + bytes([number]))])
                assert visitor.page.label == "espresso"
        with closing(Browser(app.url, 30)) as visitor:
            visitor.open("batch")
            photos = [(f"{n:03}.jpg", espresso + n.to_bytes(2, "big")) for n in range(100)]
            visitor.offer("batch", photos)
            visitor.press("start")
            visitor.put("batch", photos)
            while not visitor.page.done:
                visitor.watch()
            assert visitor.page.done.startswith("**Done:** 100 photos answered")
    assert all_kinds(front)


def test_a_wrong_address_stays_one(front):
    """Asking again is for what passes."""
    run = sightserve_("classify", "--backend", f"{front.url}/nowhere", str(SAMPLES / "cat.jpg"))

    assert run.returncode == 1
    assert front.asked == 1
