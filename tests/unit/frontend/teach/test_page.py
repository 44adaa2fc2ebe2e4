"""The Teach page's logic, without a browser and with a child that knows its outcome beforehand."""

import io
import json
import sys
import time
import zipfile

import pytest
from tests.unit.frontend.teach.conftest import pick_of

from sightserve.frontend.shared.ledger import Place
from sightserve.frontend.teach import incoming, taking, trying
from sightserve.frontend.teach.incoming import News

_TEN = [(f"{number}.jpg", b"photo %d" % number) for number in range(10)]


def fill(page, number, files=_TEN):
    collection = page.session_state["teaching"]
    for name, data in files:
        collection.add(collection.group(number), name, data + b"%d" % number)


def ready(page):
    page.run()
    for number in (1, 2):
        fill(page, number)
    page.text_input(key="teach-subject").set_value("Apples").run()
    page.text_input(key="class-name-1").set_value("ripe").run()
    page.text_input(key="class-name-2").set_value("rotten").run()


def train(page):
    page.button(key="train").click().run()
    deadline = time.monotonic() + 20
    while not page.session_state["training"].is_over and time.monotonic() < deadline:
        time.sleep(0.02)
    page.run()
    return page.session_state["training"]


def said(page):
    kinds = (page.markdown, page.caption, page.header, page.subheader, page.warning, page.error, page.info)
    return "\n".join(element.value for kind in kinds for element in kind)


def test_what_stands_in_the_way_is_said_until_nothing_does(teach_page):
    teach_page.run()
    assert teach_page.button(key="train").disabled
    assert "**Class 1** needs 5 photos, and 1 other class some too." in said(teach_page)

    fill(teach_page, 1)
    fill(teach_page, 2, _TEN[:3])
    teach_page.run()
    assert "**Class 2** needs 2 more photos." in said(teach_page)

    fill(teach_page, 2)
    teach_page.run()
    assert "**Say what it is about**" in said(teach_page)

    teach_page.text_input(key="class-name-2").set_value("class 1").run()
    assert "Two classes are called" in said(teach_page)


def test_what_was_measured_is_told_and_a_mistake_can_be_put_right(teach_page):
    ready(teach_page)

    training = train(teach_page)

    assert teach_page.header[0].value == "Right on 19 of 20 photos it had not seen (85 to 100 %)"
    assert "You say **ripe**, it says **rotten** (93%)" in said(teach_page)
    assert "sightserve up --model apples" in [code.value for code in teach_page.code]
    collection = teach_page.session_state["teaching"]
    (photo,) = [key for name, key in training.wanted.photos.photos.items() if name == "ripe/0-1.jpg"]
    teach_page.button(key=f"move-{photo}").click().run()
    assert collection.class_of(photo).name == "rotten"
    assert "You say" not in said(teach_page)
    assert "Something has changed since" in said(teach_page)
    assert train(teach_page).wanted.replace  # what this page made, it may replace


def test_a_model_that_somebody_else_made_is_replaced_only_when_they_say_so(teach_page, monkeypatch):
    monkeypatch.setenv("FAKE_TRAIN", "exists")
    ready(teach_page)
    train(teach_page)
    assert "There is a model called `apples` already" in said(teach_page)
    before = teach_page.session_state["training"]

    teach_page.button(key="replace-model").click().run()

    after = teach_page.session_state["training"]
    assert after is not before
    assert after.wanted.replace


def test_classes_can_be_added_and_removed(teach_page):
    teach_page.run()
    teach_page.button(key="add-class").click().run()
    teach_page.button(key="remove-class-1").click().run()

    assert [group.name for group in teach_page.session_state["teaching"].groups] == ["Class 2", "Class 3"]
    names = [field.value for field in teach_page.text_input if field.key.startswith("class-name")]
    assert names == ["Class 2", "Class 3"]


def test_the_page_is_there_only_where_it_is_asked_for(whole_app):
    for environment, there in (({}, False), ({"SIGHTSERVE_UI_TEACH": "1"}, True)):
        app = whole_app({"BACKEND": "http://127.0.0.1:9", **environment})
        app.run()
        assert ("teach" in app.session_state["pages"]) is there


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, name.encode())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("names", "classes", "loose"),
    [
        (["ripe/a.jpg", "rotten/b.jpg"], {"ripe": 1, "rotten": 1}, 0),
        (["apples/ripe/a.jpg", "apples/rotten/b.jpg", "apples/c.jpg"], {"ripe": 1, "rotten": 1}, 1),
        (["apples/ripe/day 1/a.jpg", "apples/ripe/day 2/b.jpg", "apples/rotten/c.jpg"], {"ripe": 2, "rotten": 1}, 0),
        (["ripe/a.jpg", "ripe/b.jpg"], {"ripe": 2, "Class 2": 0}, 0),
        (["a.jpg"], {"Class 1": 0, "Class 2": 0}, 1),
        (["1/a.jpg", "2/b.jpg", "3/c.jpg"], {"1": 1, "2": 1, "3": 1}, 0),
    ],
)
@pytest.mark.parametrize("as_zip", [True, False])
def test_folders_become_classes(collection, book, backend, names, classes, loose, as_zip):
    mine = collection._account
    files = [("all.zip", zipped(*names))] if as_zip else [(name, name.encode()) for name in names]
    pick, news = pick_of(mine, *files), News()

    incoming._sort_in(collection, pick.hand_over_all(), news)

    assert {group.name: len(group.photos) for group in collection.groups} == classes
    assert sum(map(len, news.problems.values())) == loose
    assert book.held(Place.DISK)["me"] == sum(len(name) for name in names[: len(names) - loose])


def test_a_model_is_taken_home_with_the_files_that_are_its_own(teach_page):
    ready(teach_page)
    trained = train(teach_page).trained

    with zipfile.ZipFile(taking.bundle(trained.directory)) as archive:
        names = set(archive.namelist())

    assert names == {f"apples/{name}" for name in ("manifest.json", "model.onnx", "labels.txt", "report.html")}


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b"])
def test_a_manifest_reaches_nothing_outside_of_its_folder(name):
    assert list(taking._files({"model": {"file": name, "sha256": "0"}})) == []


def test_a_new_model_that_does_not_answer_is_an_error_in_words(tmp_path):
    assert trying.ask(tmp_path, b"photo", (sys.executable, "-c", "print('no')")) == trying._FAILED
    line = json.dumps({"source": "stdin", "error": {"code": "unreadable_image", "detail": "x"}})
    answer = trying.ask(tmp_path, b"photo", (sys.executable, "-c", f"print({line!r})"))
    assert "damaged" in str(answer)
