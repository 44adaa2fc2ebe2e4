"""The Photo page's logic, without a browser, against a backend that says what a test wants."""

import json

import pytest
from tests.unit.frontend.conftest import bring

from sightserve.frontend.photo.samples import SAMPLES as SAMPLE_LIST


def upload(page, *files):
    bring(page, "photo", *files)


def ask_by_button(page):
    """As in the course: nothing is sent before the button is pressed."""
    page.toggle(key="at-once").set_value(False).run()


def place(page):
    """What the page tells the browser about the place where photos come in."""
    return json.loads(page.get("bidi_component")[0].proto.json)


def press(page, key):
    page.button(key=key).click().run()


def texts(page):
    return " ".join(element.value for element in [*page.markdown, *page.main.header, *page.caption])


def drawn(page):
    return "".join(element.proto.body for element in page.get("html"))


def open_details(page):
    page.session_state["details"] = True
    page.run()


def test_an_empty_page_says_how_to_begin_and_offers_samples(backend, photo_page):
    photo_page.run()

    assert not photo_page.exception
    assert place(photo_page)["words"]["invite"] == "Choose a photo"
    assert [button.key for button in photo_page.button] == [
        "classify",
        *(f"sample-{entry.slug}" for entry in SAMPLE_LIST),
    ]
    assert photo_page.button(key="classify").disabled
    assert backend.photos == []


def test_the_answer_has_label_confidence_chart_and_time(backend, photo_page, cat):
    photo_page.run()

    upload(photo_page, ("cat.jpg", cat))

    assert photo_page.main.header[0].value == backend.label_of(cat)
    assert "Fairly sure · 70%" in texts(photo_page)
    assert "10 ms of it by the classifier (fake), from 8 × 6 pixels" in drawn(photo_page)  # noqa: RUF001
    assert 'data-say="cat.jpg: ' in drawn(photo_page)
    assert 'class="sightserve-bars"' in drawn(photo_page)
    assert not photo_page.get("vega_lite_chart")  # which takes 2.5 megabytes


def test_a_rerun_and_the_sliders_never_send_a_photo_again(backend, photo_page, cat):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    photo_page.slider(key="labels").set_value(8).run()
    photo_page.slider(key="unsure").set_value(90).run()
    upload(photo_page, ("the same photo.jpg", cat))

    assert len(backend.photos) == 1
    assert photo_page.main.header[0].value == f"Perhaps {backend.label_of(cat)}"
    assert backend.top_k == 8  # as many as the fake model knows, whatever the slider says


def test_a_low_probability_is_a_quiet_not_sure(backend, photo_page, cat):
    backend.probability = 0.2
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    assert photo_page.main.header[0].value.startswith("Perhaps ")
    assert "Not sure · 20%" in texts(photo_page)


def test_a_sample_is_classified_as_soon_as_it_is_pressed_and_stands_in_the_address(backend, photo_page, espresso):
    photo_page.run()

    press(photo_page, "sample-espresso")

    assert photo_page.main.header[0].value == backend.label_of(espresso)
    assert photo_page.query_params["sample"] == "espresso"


def test_a_link_to_a_sample_shows_its_answer(backend, photo_page, espresso):
    photo_page.query_params["sample"] = "espresso"

    photo_page.run()

    assert photo_page.main.header[0].value == backend.label_of(espresso)


def test_a_strangers_link_to_a_sample_that_is_none_shows_the_empty_page(backend, photo_page):
    photo_page.query_params["sample"] = "../../etc/passwd"

    photo_page.run()

    assert not photo_page.exception
    assert place(photo_page)["picture"] is None


def test_several_photos_are_a_gallery_with_errors_beside_the_answers(backend, photo_page, cat, espresso):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat), ("text.jpg", b"hello"), ("espresso.jpg", espresso))

    assert photo_page.main.header[0].value == "2 answers"
    assert "not a photo of a kind" in photo_page.error[0].value
    assert backend.label_of(espresso) in [button.label for button in photo_page.button]


def test_the_same_photo_twice_is_one_photo(backend, photo_page, cat):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat), ("copy.jpg", cat))

    assert len(backend.photos) == 1
    assert photo_page.main.header[0].value == backend.label_of(cat)


def test_the_history_shows_an_answer_again_without_asking(backend, photo_page, cat, espresso):
    photo_page.run()
    press(photo_page, "sample-espresso")
    upload(photo_page, ("cat.jpg", cat))

    photo_page.button(key=next(b.key for b in photo_page.button if (b.key or "").startswith("history-1"))).click().run()

    assert photo_page.main.header[0].value == backend.label_of(espresso)
    assert len(backend.photos) == 2


def test_the_history_can_be_cleared(backend, photo_page):
    photo_page.run()
    press(photo_page, "sample-cat")

    press(photo_page, "forget")

    assert not [b for b in photo_page.button if (b.key or "").startswith("history-")]
    assert place(photo_page)["picture"] is None


def test_the_details_are_the_answer_as_the_backend_gives_it(backend, photo_page, cat):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))
    assert not photo_page.code  # nothing of it is loaded before it is opened

    open_details(photo_page)
    answer = json.loads(photo_page.code[0].value)

    assert answer["filename"] == "cat.jpg"
    assert len(answer["top_k"]) == 5
    assert f"{backend.url}/predict?top_k=5" in photo_page.code[1].value
    assert f"Client('{backend.url}')" in photo_page.code[2].value


def test_the_lines_ask_for_no_more_labels_than_there_are(backend, photo_page, cat):
    photo_page.run()
    assert photo_page.slider(key="labels").max == 8  # the fake model's classes
    photo_page.slider(key="labels").set_value(8)
    upload(photo_page, ("cat.jpg", cat))

    open_details(photo_page)

    assert f"{backend.url}/predict?top_k=8" in photo_page.code[1].value
    assert "top_k=8" in photo_page.code[2].value


def test_where_nobody_else_reaches_the_backend_no_line_sends_people_there(backend, photo_page, cat, monkeypatch):
    monkeypatch.setenv("SIGHTSERVE_UI_PUBLIC_BACKEND", "none")
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    open_details(photo_page)
    [answer] = photo_page.code
    assert json.loads(answer.value)["prediction"] == backend.label_of(cat)
    assert "answers this app alone" in texts(photo_page)


def test_a_refusal_is_told_and_the_button_asks_again(backend, photo_page, cat):
    backend.refusals = [(500, "internal", None)]
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))
    told = photo_page.error[0].value

    press(photo_page, "classify")

    assert "failed on this photo" in told
    assert "technical" not in told
    assert photo_page.main.header[0].value == backend.label_of(cat)


def test_a_limit_is_said_with_its_number(backend, photo_page, cat):
    backend.refusals = [(413, "too_many_pixels", None)]
    photo_page.run()

    upload(photo_page, ("huge.tif", cat))

    (said,) = photo_page.error
    assert "This photo has too many pixels." in said.value
    assert "50 megapixels is the most" in said.value


def test_a_sample_that_fails_is_not_asked_about_on_every_rerun(backend, photo_page):
    backend.refusals = [(500, "internal", None)] * 9
    photo_page.run()
    press(photo_page, "sample-cat")

    photo_page.slider(key="labels").set_value(3).run()

    assert len(backend.photos) == 1


def test_a_sleeping_backend_is_waited_for(backend, photo_page, cat):
    backend.refusals = [(503, "not_ready", "60")]
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    assert photo_page.main.header[0].value == backend.label_of(cat)
    assert len(backend.photos) == 2


@pytest.mark.slow
def test_a_backend_that_stays_away_is_an_error_that_says_what_to_do(backend, photo_page, cat, monkeypatch):
    monkeypatch.setenv("BACKEND", "http://127.0.0.1:9")
    monkeypatch.setenv("SIGHTSERVE_UI_WAIT_SECONDS", "1")
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    assert "away" in photo_page.error[0].value
    assert "About page" in photo_page.error[0].value
