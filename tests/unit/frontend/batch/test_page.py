"""The Batch page's logic, without a browser, against a backend that says what a test wants."""

import io
import time
import zipfile

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from tests.unit.frontend.conftest import offer

from sightserve.frontend.batch import tables
from sightserve.frontend.batch.job import Job
from sightserve.frontend.batch.outcomes import State
from sightserve.frontend.shared import settings
from sightserve.frontend.shared.tables import to_csv, to_parquet

FILES, ZIP = "photos", "zips"


def choose(page, way, *files):
    page.run()
    offer(page, **{way: files})
    page.run()


def start(page: AppTest) -> Job:
    page.button(key="start").click().run()
    job: Job = page.session_state["batch"]
    return job


def finish(page):
    job = start(page)
    assert job.wait(20)
    page.run()
    return page


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/") + ".jpg", data)
    return buffer.getvalue()


def test_nothing_starts_without_photos(backend, batch_page):
    batch_page.run()

    assert batch_page.button(key="start").disabled


def test_every_photo_gets_its_row_and_errors_stand_beside_them(backend, batch_page, jpeg):
    photos = {f"{number}.jpg": jpeg(number) for number in range(5)}
    choose(batch_page, FILES, *photos.items(), ("text.jpg", b"hello"))

    finish(batch_page)

    results, errors = (frame.value for frame in batch_page.dataframe)
    assert dict(zip(results["file"], results["label"], strict=True)) == {
        name: backend.label_of(data) for name, data in photos.items()
    }
    assert list(errors["file"]) == ["text.jpg"]
    assert batch_page.success[0].value == "**Done:** 5 photos answered in a moment, 1 error."


def test_requests_are_bounded_and_in_parallel(backend, batch_page, jpeg):
    backend.seconds = 0.05
    choose(batch_page, FILES, *[(f"{number}.jpg", jpeg(number)) for number in range(24)])

    finish(batch_page)

    assert backend.together == settings.settings().parallel


def test_a_busy_backend_is_given_the_time_that_it_asks_for(backend, batch_page, jpeg):
    backend.refusals = [(503, "overloaded", "0.3")] * 3
    choose(batch_page, FILES, *[(f"{number}.jpg", jpeg(number)) for number in range(6)])
    started = time.monotonic()

    finish(batch_page)

    assert time.monotonic() - started >= 0.3
    assert len(batch_page.dataframe[0].value) == 6
    assert not batch_page.error


def test_a_cancelled_batch_keeps_what_it_has_and_can_go_on(backend, batch_page, jpeg):
    backend.seconds = 0.2
    choose(batch_page, FILES, *[(f"{number}.jpg", jpeg(number)) for number in range(12)])
    job = start(batch_page)

    batch_page.button(key="cancel").click().run()
    stopped = job.view()
    backend.seconds = 0
    batch_page.run()
    batch_page.button(key="go-on").click().run()
    assert job.wait(20)
    batch_page.run()

    assert stopped.state is State.CANCELLED
    assert stopped.done < 12
    assert len(batch_page.dataframe[0].value) == 12
    assert len(backend.photos) == 12  # none was sent twice


def test_what_failed_through_no_fault_of_its_own_can_be_tried_again(backend, batch_page, jpeg):
    backend.refusals = [(500, "internal", None), (500, "internal", None)]
    choose(batch_page, FILES, *((f"{number}.jpg", jpeg(number)) for number in range(4)), ("text.jpg", b"hello"))
    page = finish(batch_page)
    assert page.success[0].value == "**Done:** 2 photos answered in a moment, 3 errors."
    assert page.button(key="repeat").label == "Try the 2 failed ones again"  # not the file that is no photo

    page.button(key="repeat").click().run()
    job: Job = page.session_state["batch"]
    assert job.wait(20)
    page.run()

    assert page.success[0].value == "**Done:** 4 photos answered in a moment, 1 error."
    assert not [button for button in page.button if button.key == "repeat"]


def test_the_table_can_be_filtered(backend, batch_page, jpeg):
    photos = {f"{number}.jpg": jpeg(number) for number in range(8)}
    choose(batch_page, FILES, *photos.items())
    finish(batch_page)

    batch_page.text_input(key="find").set_value("3.JPG").run()

    assert list(batch_page.dataframe[0].value["file"]) == ["3.jpg"]


def test_the_table_can_be_filtered_by_label_and_certainty(backend, batch_page, jpeg):
    photos = {f"{number}.jpg": jpeg(number) for number in range(8)}
    choose(batch_page, FILES, *photos.items())
    finish(batch_page)
    label = backend.label_of(photos["0.jpg"])

    batch_page.multiselect(key="label-filter").set_value([label]).run()
    of_label = set(batch_page.dataframe[0].value["label"])
    batch_page.selectbox(key="sure-filter").set_value("Not sure").run()

    assert of_label == {label}
    assert batch_page.dataframe[0].value.empty


def test_a_zip_is_read_without_unpacking_it(backend, batch_page, jpeg):
    choose(batch_page, ZIP, ("photos.zip", zipped(inner__one=jpeg(1), two=jpeg(2))))

    finish(batch_page)

    assert list(batch_page.dataframe[0].value["file"]) == ["inner/one.jpg", "two.jpg"]


@pytest.mark.parametrize("data", [b"no zip", b"PK\x05\x06" + bytes(18), b""])
def test_a_zip_that_is_none_or_empty_is_told_and_nothing_starts(backend, batch_page, data):
    choose(batch_page, ZIP, ("photos.zip", data))

    assert batch_page.error or batch_page.warning
    assert batch_page.button(key="start").disabled


def test_a_new_batch_begins_with_an_empty_page(backend, batch_page, jpeg):
    choose(batch_page, FILES, ("1.jpg", jpeg(1)))
    finish(batch_page)

    batch_page.button(key="new-batch").click().run()

    assert not batch_page.dataframe
    assert batch_page.button(key="start").disabled


def test_too_many_photos_are_said_and_the_first_are_taken(backend, batch_page, jpeg, monkeypatch):
    monkeypatch.setenv("SIGHTSERVE_UI_MAX_PHOTOS", "3")
    choose(batch_page, FILES, *[(f"{number}.jpg", jpeg(number)) for number in range(5)])

    told = batch_page.warning[0].value
    finish(batch_page)

    assert "5 photos are too many" in told
    assert len(batch_page.dataframe[0].value) == 3


def test_the_downloads_have_every_photo_and_no_formulas(backend, batch_page, jpeg):
    choose(batch_page, FILES, ("=cmd().jpg", jpeg(1)), ("bad.jpg", b"hello"))
    finish(batch_page)
    outcomes = batch_page.session_state["batch"].view().outcomes

    complete = tables.complete(outcomes, threshold=0.35, labels=5)
    csv = pd.read_csv(io.BytesIO(to_csv(complete)))
    parquet = pd.read_parquet(io.BytesIO(to_parquet(complete)))

    assert list(csv["path"]) == ["'=cmd().jpg", "bad.jpg"]
    assert list(parquet["path"]) == ["=cmd().jpg", "bad.jpg"]
    assert list(parquet["status"]) == ["ok", "error"]
    assert parquet["label_1"][0] == backend.label_of(jpeg(1))
    assert "kind" in parquet["error"][1]
    assert parquet["error_code"][1] == "unsupported_image_type"


@pytest.mark.slow
def test_a_backend_that_is_away_is_told_before_anything_starts(backend, batch_page, jpeg, monkeypatch):
    monkeypatch.setenv("BACKEND", "http://127.0.0.1:9")
    monkeypatch.setenv("SIGHTSERVE_UI_WAIT_SECONDS", "1")
    choose(batch_page, FILES, ("1.jpg", jpeg(1)))

    batch_page.button(key="start").click().run()

    assert "away" in batch_page.error[0].value
    assert "batch" not in batch_page.session_state


def opened(page):
    """The name and the place of the photo that is opened."""
    return next(
        (entry.value for entry in page.markdown if " of " in entry.value and entry.value.startswith("**")), None
    )


def test_an_opened_photo_has_as_many_labels_as_are_to_be_shown_and_the_next_one_beside_it(backend, batch_page, jpeg):
    choose(batch_page, FILES, *((f"{number}.jpg", jpeg(number)) for number in range(3)))
    finish(batch_page)

    batch_page.session_state["opened"] = 1
    batch_page.run()
    first = opened(batch_page)
    batch_page.slider(key="labels").set_value(2).run()
    (bars, _by_label) = (entry.proto.body for entry in batch_page.get("html"))
    batch_page.button(key="opened-next").click().run()
    second, last = opened(batch_page), batch_page.button(key="opened-next").disabled
    batch_page.button(key="opened-close").click().run()

    assert first == "**1\\.jpg** · 2 of 3"
    assert bars.count("<li") == 2
    assert second == "**2\\.jpg** · 3 of 3"
    assert last
    assert opened(batch_page) is None


def test_a_photo_that_the_filters_leave_out_is_not_opened(backend, batch_page, jpeg):
    choose(batch_page, FILES, *((f"{number}.jpg", jpeg(number)) for number in range(3)))
    finish(batch_page)
    batch_page.session_state["opened"] = 1

    batch_page.text_input(key="find").set_value("2.jpg").run()

    assert opened(batch_page) is None


def test_the_downloads_are_of_what_is_shown(backend, batch_page, jpeg):
    choose(batch_page, FILES, *((f"{number}.jpg", jpeg(number)) for number in range(4)), ("text.jpg", b"hello"))
    finish(batch_page)

    def labels():
        return [button.label for button in batch_page.get("download_button")]

    everything = labels()
    batch_page.text_input(key="find").set_value("2.jpg").run()

    assert everything == ["CSV of all 5", "Parquet of all 5"]
    assert labels() == ["CSV of these 1", "Parquet of these 1"]


def test_the_order_of_the_table_is_that_of_going_through_the_photos(backend, batch_page, jpeg):
    choose(batch_page, FILES, *((f"{number}.jpg", jpeg(number)) for number in range(8)))
    finish(batch_page)

    batch_page.selectbox(key="order").set_value("Least sure first").run()

    ordered = list(batch_page.dataframe[0].value["probability"])
    assert ordered == sorted(ordered)


def test_what_the_model_is_not_sure_of_is_no_label(backend, batch_page, jpeg):
    choose(batch_page, FILES, *((f"{number}.jpg", jpeg(number)) for number in range(8)))
    finish(batch_page)

    batch_page.slider(key="unsure").set_value(95).run()

    assert "0 labels" in [header.value for header in batch_page.header]
    (bars,) = (entry.proto.body for entry in batch_page.get("html"))
    assert bars.count("<li") == 1
    assert '<li class="grey"><span class="name" dir="auto">Not sure' in bars


def test_a_new_batch_has_no_filters(backend, batch_page, jpeg):
    choose(batch_page, FILES, ("1.jpg", jpeg(1)))
    finish(batch_page)
    batch_page.text_input(key="find").set_value("nothing").run()

    batch_page.button(key="new-batch").click().run()
    choose(batch_page, FILES, ("2.jpg", jpeg(2)))
    finish(batch_page)

    assert list(batch_page.dataframe[0].value["file"]) == ["2.jpg"]
