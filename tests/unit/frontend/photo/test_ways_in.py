"""The ways in to the Photo page, without a browser: what is asked about when, what is shown, what is not taken."""

from tests.conftest import SAMPLES
from tests.unit.frontend.conftest import bring
from tests.unit.frontend.photo.test_page import ask_by_button, drawn, place, press, texts, upload

from sightserve.frontend.inbox.widget import Came, Refusal


def test_a_photo_is_classified_as_soon_as_it_is_there_and_once_more_by_the_button(backend, photo_page, cat):
    photo_page.run()

    upload(photo_page, ("cat.jpg", cat))
    assert photo_page.main.header[0].value == backend.label_of(cat)
    assert len(backend.photos) == 1

    assert photo_page.button(key="classify").label == "Classify"
    press(photo_page, "classify")
    assert len(backend.photos) == 2


def test_with_answers_at_once_turned_off_the_button_is_the_only_way(backend, photo_page, cat):
    photo_page.run()
    ask_by_button(photo_page)

    upload(photo_page, ("cat.jpg", cat))
    assert backend.photos == []
    assert "Press **Classify**" in photo_page.info[0].value

    press(photo_page, "classify")
    assert photo_page.main.header[0].value == backend.label_of(cat)


def test_a_new_photo_takes_the_place_of_the_one_before(backend, photo_page, cat, espresso):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    upload(photo_page, ("espresso.jpg", espresso))

    assert photo_page.main.header[0].value == backend.label_of(espresso)
    assert place(photo_page)["pick"] == 2


def test_a_photo_that_is_made_smaller_to_be_sent_is_told_by_its_own_size(backend, photo_page, cat):
    photo_page.run()

    bring(photo_page, "photo", ("cat.jpg", cat), shape=(4032, 3024))

    assert "from 4032 × 3024 pixels" in drawn(photo_page)  # noqa: RUF001


def test_a_picture_that_no_browser_can_show_comes_from_the_app(backend, photo_page, cat):
    photo_page.run()

    bring(photo_page, "photo", ("cat.heic", cat), shape=(0, 0))
    assert place(photo_page)["picture"]["src"].startswith("data:image/jpeg")

    bring(photo_page, "photo", ("cat.jpg", cat), shape=(451, 300))
    assert place(photo_page)["picture"] is None  # it has the photo itself


def test_what_does_not_come_in_is_said_where_the_answer_would_be(backend, photo_page):
    photo_page.run()
    photo_page.session_state["came"] = Came(0, (Refusal("a *note*.txt", "other"), Refusal("huge.jpg", "large")), left=2)

    photo_page.run()

    first, second = (error.value for error in photo_page.error)
    assert first.startswith(r"**a \*note\*\.txt**: This is not a photo. Choose a JPEG")
    assert second.endswith("This file is too large. Try a smaller one: 30.0 MB is the most.")
    assert "2 are not. The Batch page takes hundreds" in photo_page.info[0].value


def test_the_page_speaks_of_the_model_that_answers(backend, photo_page, cat):
    backend.sample = cat
    backend.page = {"title": "Bird finder", "question": "Which bird is it?", "about": "It knows 8 birds."}
    backend.samples = [{"title": "A robin", "alt": "", "path": "/model/samples/0"}]
    photo_page.run()

    assert photo_page.title[0].value == "Which bird is it?"
    assert "It knows 8 birds" in texts(photo_page)
    assert [button.label for button in photo_page.button if "sample" in button.key] == ["A robin"]

    press(photo_page, "sample-model-0")
    assert photo_page.main.header[0].value == backend.label_of(backend.sample)


def test_a_model_that_brings_no_samples_and_does_not_know_ours_has_none(backend, photo_page):
    backend.labels_known = ["healthy", "pneumonia"]

    photo_page.run()

    assert not [button for button in photo_page.button if "sample" in button.key]


def test_a_photo_that_cannot_be_shown_may_still_be_classified(backend, photo_page):
    strange = b"\xff\xd8\xff strange"
    photo_page.run()

    bring(photo_page, "photo", ("strange.jpg", strange), shape=(0, 0))

    assert not photo_page.warning  # one message, and that is the answer
    assert photo_page.main.header[0].value == backend.label_of(strange)


def test_a_file_name_is_never_markup(backend, photo_page, cat):
    photo_page.run()
    upload(
        photo_page, ("![x](http://elsewhere/y.png) <b>.jpg", cat), ("*two*.jpg", (SAMPLES / "panda.jpg").read_bytes())
    )

    assert r"\*two\*\.jpg" in texts(photo_page)
    assert r"y\.png\) \<b\>\.jpg" in texts(photo_page)


def test_what_does_not_come_in_is_said_beside_a_samples_answer_too_until_something_else_is_chosen(backend, photo_page):
    photo_page.run()
    press(photo_page, "sample-cat")
    photo_page.session_state["came"] = Came(0, (Refusal("notes.txt", "other"),))
    photo_page.run()
    assert "This is not a photo" in photo_page.error[0].value

    press(photo_page, "sample-espresso")

    assert not photo_page.error
