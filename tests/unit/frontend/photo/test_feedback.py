"""Right or wrong, below an answer, without a browser; the real backend's side of it is in tests/e2e/test_feedback.py."""

import hashlib

import pytest
from tests.unit.frontend.photo.test_page import drawn, press, texts, upload

from sightserve.frontend.photo.feedback import cleaned

ON = {"days": 90, "photos": True}


@pytest.fixture
def answered(backend, photo_page, cat):
    """A page with an answer, of a backend that takes feedback."""
    backend.feedback = ON
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))
    return photo_page


def keys(page):
    return {button.key for button in page.button if button.key}


def said_so(page, label, note="", *, photo=False, answer="answer-1"):
    """Fill in the form and send it; a label that the list does not have stands there as if it had been typed."""
    box = page.selectbox(key=f"feedback-label-{answer}")
    if label not in box.options:
        box.options.append(label)
    box.set_value(label)
    page.text_input(key=f"feedback-note-{answer}").set_value(note)
    if photo:
        page.checkbox(key=f"feedback-photo-{answer}").check()
    press(page, "feedback-send")


def test_where_no_feedback_is_taken_nothing_of_it_is_drawn(backend, photo_page, cat):
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    assert not any("feedback" in key for key in keys(photo_page))
    assert "Kept for" not in texts(photo_page)
    assert "keeps its answers" not in texts(photo_page)


def test_right_is_one_press_and_can_be_undone(backend, answered):
    assert "Kept for 90 days: the answer, the photo's size and checksum; the photo only if you say so" in texts(
        answered
    )
    assert "keeps its answers for 90 days" in texts(answered)

    press(answered, "feedback-right")
    assert backend.said == [{"id": "answer-1", "verdict": "right"}]
    assert "Thank you: kept as right." in drawn(answered)

    press(answered, "feedback-undo")
    assert backend.forgotten == ["answer-1"]
    assert "nothing of this answer is kept" in drawn(answered)
    assert "Kept for" not in texts(answered)

    press(answered, "classify")  # which gives a new answer
    press(answered, "feedback-right")
    backend.feedback_refusals = [(404, "unknown_prediction")]
    press(answered, "feedback-undo")
    assert "nothing of this answer is kept" in drawn(answered)
    assert not answered.error


def test_wrong_takes_a_label_a_note_and_the_very_bytes_where_they_are_ticked(backend, answered, cat):
    press(answered, "feedback-wrong")
    options = answered.selectbox(key="feedback-label-answer-1").options
    assert backend.label_of(cat) not in options
    assert len(options) == 7

    said_so(answered, "  Dragon\nfruit ", "a fruit", photo=True)

    assert backend.said == [
        {"id": "answer-1", "verdict": "wrong", "label": "Dragon fruit", "note": "a fruit",
         "photo": hashlib.sha256(cat).hexdigest()}
    ]  # fmt: skip
    assert "kept as “Dragon fruit”, with the photo." in drawn(answered)
    assert "the photo, small and without what the camera wrote into it" in texts(answered)


def test_people_may_change_their_minds_and_what_was_said_outlives_other_photos(backend, answered, cat, espresso):
    press(answered, "feedback-wrong")
    said_so(answered, "cup")
    upload(answered, ("espresso.jpg", espresso))
    assert "feedback-right" in keys(answered)
    upload(answered, ("cat.jpg", cat))
    assert "kept as “cup”" in drawn(answered)

    press(answered, "feedback-change")
    assert answered.selectbox(key="feedback-label-answer-1").value == "cup"
    press(answered, "feedback-right")

    assert [entry["verdict"] for entry in backend.said] == ["wrong", "right"]
    assert "kept as right" in drawn(answered)


def test_what_cannot_be_kept_just_now_is_said_and_sent_by_another_press(backend, answered, cat):
    backend.feedback_refusals = [(500, "internal"), (409, "feedback_unavailable")]
    press(answered, "feedback-right")
    assert "could not be kept just now" in answered.error[0].value
    assert answered.button(key="feedback-right").label == "Try again"
    press(answered, "feedback-wrong")
    said_so(answered, "cup", "a note")
    assert "could not be kept just now" in answered.error[0].value

    backend.feedback_refusals = [(422, "photo_refused")]
    answered.checkbox(key="feedback-photo-answer-1").check()
    press(answered, "feedback-send")
    assert "Send it without the photo" in answered.error[0].value
    assert answered.main.header[0].value == backend.label_of(cat)

    answered.checkbox(key="feedback-photo-answer-1").uncheck()
    press(answered, "feedback-send")
    assert backend.said == [{"id": "answer-1", "verdict": "wrong", "label": "cup", "note": "a note"}]
    assert not answered.error


def test_a_label_that_says_nothing_is_not_sent_and_who_knows_none_may_say_so(backend, answered, cat):
    press(answered, "feedback-wrong")
    press(answered, "feedback-send")
    assert "No label is chosen" in answered.error[0].value

    said_so(answered, backend.label_of(cat).upper())
    assert "That is what the answer says" in answered.error[0].value

    said_so(answered, "x" * 201)
    assert "200 characters" in answered.error[0].value
    assert backend.said == []

    answered.selectbox(key="feedback-label-answer-1").set_value(None)
    press(answered, "feedback-unknown")
    assert backend.said == [{"id": "answer-1", "verdict": "wrong"}]


def test_a_label_is_one_line_as_the_model_spells_it():
    assert cleaned(" egyptian  CAT\t", ["Egyptian cat"]) == "Egyptian cat"
    assert cleaned("a\x00b\u202ec", []) == "a b c"
    assert cleaned(" \n", ["x"]) is None


def test_where_another_word_is_the_headline_the_question_names_the_label(backend, answered, cat):
    answered.slider(key="unsure").set_value(90).run()

    assert f"Was “{backend.label_of(cat)}” right?" in texts(answered)


def test_of_several_photos_the_opened_one_is_judged_and_one_of_the_history_without_its_photo(backend, answered, jpeg):
    upload(answered, ("1.jpg", jpeg(1)), ("2.jpg", jpeg(2)))
    assert "feedback-right" not in keys(answered)
    press(answered, "open-" + hashlib.sha256(jpeg(2)).hexdigest()[:12])
    assert "feedback-right" in keys(answered)

    press(answered, next(key for key in keys(answered) if key.endswith(backend.photos[0][:12]) and "history" in key))
    press(answered, "feedback-wrong")

    assert [box.key for box in answered.checkbox if box.key] == []
    assert "not the photo, no address" in texts(answered)


def test_asked_where_it_looked_the_answer_stays_the_one_that_was_judged(backend, answered):
    backend.heat_maps = "occlusion"
    press(answered, "feedback-right")

    answered.toggle(key="where").set_value(True).run()

    assert len(backend.photos) == 2
    assert "kept as right" in drawn(answered)
