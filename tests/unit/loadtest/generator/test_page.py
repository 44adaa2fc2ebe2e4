"""Streamlit's messages, read and written as a browser does. That the real app speaks like this is tested in tests/e2e."""

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from sightserve.loadtest.generator.page import Page, ProtocolChanged


def element(place: list[int]) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(place)
    return message


def button(key: str) -> ForwardMsg:
    message = element([0, 3])
    message.delta.new_element.button.id = f"$$ID-0a1b-{key}"
    return message


def heading(text: str, place: list[int]) -> ForwardMsg:
    message = element(place)
    message.delta.new_element.heading.tag, message.delta.new_element.heading.body = "h2", text
    return message


def answer_container() -> ForwardMsg:
    message = element([0, 1])
    message.delta.add_block.id = "$$ID-9f-answer"
    return message


def page_with(*messages: ForwardMsg) -> Page:
    page = Page()
    start = ForwardMsg()
    start.new_session.initialize.session_id = "s1"
    for message in (start, *messages):
        page.read(message.SerializeToString())
    return page


def test_the_label_is_the_heading_inside_the_answer_and_no_other():
    page = page_with(
        heading("Settings", [1, 0]),
        answer_container(),
        heading(r"tiger\-cat", [0, 1, 0]),
        heading("This session", [0, 4]),
    )

    assert page.label == "tiger-cat"


def test_a_guess_is_an_answer():
    assert page_with(answer_container(), heading("Perhaps daisy", [0, 1, 0])).label == "daisy"


def test_a_new_run_of_the_script_begins_without_the_old_answer():
    page = page_with(answer_container(), heading("daisy", [0, 1, 0]))
    again = ForwardMsg()
    again.new_session.name = "app"

    page.read(again.SerializeToString())

    assert (page.label, page.running, page.session) == ("", True, "s1")


def test_pressing_a_button_sends_its_id_as_a_trigger():
    page = page_with(button("classify"))

    sent = BackMsg.FromString(page.pressed("classify"))

    (state,) = sent.rerun_script.widget_states.widgets
    assert (state.id, state.trigger_value) == ("$$ID-0a1b-classify", True)


def test_a_widget_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ProtocolChanged, match=r"no widget with the key 'start', only \['classify'\]"):
        page_with(button("classify")).pressed("start")


def test_a_message_that_the_server_only_refers_to_is_the_one_that_was_kept():
    kept = heading("espresso", [0, 1, 0])
    kept.hash, kept.metadata.cacheable = "h1", True
    page = page_with(answer_container(), kept)
    restart, reference = ForwardMsg(), element([0, 1, 0])
    restart.new_session.name = "app"
    reference.ref_hash = "h1"

    for message in (restart, answer_container(), reference):
        page.read(message.SerializeToString())

    assert page.label == "espresso"
    page.read(button("classify").SerializeToString())
    assert list(BackMsg.FromString(page.pressed("classify")).rerun_script.cached_message_hashes) == ["h1"]


def test_an_unknown_reference_is_a_change_of_the_protocol():
    message = ForwardMsg()
    message.ref_hash = "never sent"

    with pytest.raises(ProtocolChanged, match="never sent"):
        page_with(message)


def test_bytes_that_are_no_message_are_a_change_of_the_protocol():
    with pytest.raises(ProtocolChanged, match="no ForwardMsg"):
        Page().read(b"\xff\xff\xff")


@pytest.mark.parametrize(
    ("text", "busy"),
    [
        ("**Very many people are using the classifier right now.** Try again in a few seconds.", True),
        ("**The classifier is away at the moment.** Wait.", False),
    ],
)
def test_what_the_page_says_went_wrong_is_read(text, busy):
    message = element([0, 1, 0])
    message.delta.new_element.alert.body = text
    message.delta.new_element.alert.format = message.delta.new_element.alert.Format.Value("ERROR")

    page = page_with(answer_container(), message)

    assert page.problem == text.split("**")[1]
    assert page.busy is busy


def test_a_friendly_wait_is_noticed():
    message = element([0, 1, 0])
    message.delta.new_element.progress.text = "**The classifier is waking up.** After a quiet time ..."

    assert page_with(answer_container(), message).waking


def test_a_script_that_stops_early_to_run_again_has_not_finished():
    early, done = ForwardMsg(), ForwardMsg()
    early.script_finished = ForwardMsg.FINISHED_EARLY_FOR_RERUN
    done.script_finished = ForwardMsg.FINISHED_SUCCESSFULLY
    page = page_with()

    assert page.read(early.SerializeToString()) == "script_finished"
    assert page.running
    page.read(done.SerializeToString())
    assert not page.running
