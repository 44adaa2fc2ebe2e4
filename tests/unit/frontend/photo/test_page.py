"""The Photo page's logic, without a browser, against a backend that says what a test wants."""

import json

from tests.conftest import SAMPLES

from sightserve.frontend.photo.samples import SAMPLES as SAMPLE_PHOTOS


def upload(page, *files):
    page.file_uploader[0].set_value([(name, data, "image/jpeg") for name, data in files]).run()


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
    assert "Choose a photo to begin" in photo_page.info[0].value
    assert [button.label for button in photo_page.button] == [sample.title for sample in SAMPLE_PHOTOS]
    assert backend.photos == []


def test_an_upload_is_not_sent_before_classify_is_pressed(backend, photo_page, cat):
    photo_page.run()

    upload(photo_page, ("cat.jpg", cat))

    assert backend.photos == []
    assert photo_page.button(key="classify").label == "Classify"


def test_the_answer_has_label_confidence_chart_and_time(backend, photo_page, cat):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    press(photo_page, "classify")

    assert photo_page.main.header[0].value == backend.label_of(cat)
    assert "Fairly sure · 70%" in texts(photo_page)
    assert "Answered in 10 ms by fake" in texts(photo_page).replace("\\", "")
    assert 'class="sightserve-bars"' in drawn(photo_page)
    assert not photo_page.get("vega_lite_chart")  # which takes 2.5 megabytes


def test_a_rerun_and_the_sliders_never_send_a_photo_again(backend, photo_page, cat):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))
    press(photo_page, "classify")

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

    press(photo_page, "classify")

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
    assert "Choose a photo to begin" in photo_page.info[0].value


def test_several_photos_are_a_gallery_with_errors_beside_the_answers(backend, photo_page, cat, espresso):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat), ("text.jpg", b"hello"), ("espresso.jpg", espresso))

    press(photo_page, "classify")

    assert photo_page.main.header[0].value == "2 answers"
    assert "not a photo of a kind" in photo_page.error[0].value
    assert f"**{backend.label_of(espresso)}**" in texts(photo_page)


def test_the_same_photo_twice_is_one_photo(backend, photo_page, cat):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat), ("copy.jpg", cat))

    press(photo_page, "classify")

    assert len(backend.photos) == 1
    assert photo_page.main.header[0].value == backend.label_of(cat)


def test_the_history_shows_an_answer_again_without_asking(backend, photo_page, cat, espresso):
    photo_page.run()
    press(photo_page, "sample-espresso")
    upload(photo_page, ("cat.jpg", cat))
    press(photo_page, "classify")

    photo_page.button(key=next(b.key for b in photo_page.button if (b.key or "").startswith("history-1"))).click().run()

    assert photo_page.main.header[0].value == backend.label_of(espresso)
    assert len(backend.photos) == 2


def test_the_history_can_be_cleared(backend, photo_page):
    photo_page.run()
    press(photo_page, "sample-cat")

    press(photo_page, "forget")

    assert not [b for b in photo_page.button if (b.key or "").startswith("history-")]
    assert "Choose a photo to begin" in photo_page.info[0].value


def test_the_details_are_the_answer_as_the_backend_gives_it(backend, photo_page, cat):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))
    press(photo_page, "classify")
    assert not photo_page.code  # nothing of it is loaded before it is opened

    open_details(photo_page)
    answer = json.loads(photo_page.code[0].value)

    assert answer["filename"] == "cat.jpg"
    assert len(answer["top_k"]) == 5
    assert f"{backend.url}/predict?top_k=5" in photo_page.code[1].value
    assert f"Client('{backend.url}')" in photo_page.code[2].value


def test_where_nobody_else_reaches_the_backend_no_line_sends_people_there(backend, photo_page, cat, monkeypatch):
    monkeypatch.setenv("SIGHTSERVE_UI_PUBLIC_BACKEND", "none")
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))
    press(photo_page, "classify")

    open_details(photo_page)
    [answer] = photo_page.code
    assert json.loads(answer.value)["prediction"] == backend.label_of(cat)
    assert "answers this app alone" in texts(photo_page)


def test_a_refusal_is_told_and_the_button_asks_again(backend, photo_page, cat):
    backend.refusals = [(500, "internal", None)]
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))
    press(photo_page, "classify")
    told = photo_page.error[0].value

    press(photo_page, "classify")

    assert "failed on this photo" in told
    assert "technical" not in told
    assert photo_page.main.header[0].value == backend.label_of(cat)


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

    press(photo_page, "classify")

    assert photo_page.main.header[0].value == backend.label_of(cat)
    assert len(backend.photos) == 2


def test_a_backend_that_stays_away_is_an_error_that_says_what_to_do(backend, photo_page, cat, monkeypatch):
    monkeypatch.setenv("BACKEND", "http://127.0.0.1:9")
    monkeypatch.setenv("SIGHTSERVE_UI_WAIT_SECONDS", "1")
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    press(photo_page, "classify")

    assert "away" in photo_page.error[0].value
    assert "About page" in photo_page.error[0].value


def test_more_photos_than_the_page_shows_are_pointed_to_the_batch_page(backend, photo_page, jpeg):
    photo_page.run()

    upload(photo_page, *[(f"{number}.jpg", jpeg(number)) for number in range(22)])

    assert "The Batch page takes hundreds" in photo_page.info[-1].value
    assert photo_page.button(key="classify").label == "Classify 20 photos"


def test_a_photo_that_cannot_be_shown_may_still_be_classified(backend, photo_page):
    strange = b"\xff\xd8\xff strange"
    photo_page.run()

    upload(photo_page, ("strange.jpg", strange))
    press(photo_page, "classify")

    assert "cannot be shown" in photo_page.warning[0].value
    assert photo_page.main.header[0].value == backend.label_of(strange)


def test_a_file_name_is_never_markup(backend, photo_page, cat):
    photo_page.run()
    upload(
        photo_page, ("![x](http://elsewhere/y.png) <b>.jpg", cat), ("*two*.jpg", (SAMPLES / "panda.jpg").read_bytes())
    )

    press(photo_page, "classify")

    assert r"\*two\*\.jpg" in texts(photo_page)
    assert r"y\.png\) \<b\>\.jpg" in texts(photo_page)
