"""Streamlit's messages, read and written as a browser does. That the real app speaks like this is tested in tests/e2e."""

import json

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


def answered(label: str) -> ForwardMsg:
    message = element([0, 1, 0])
    message.delta.new_element.html.body = (
        f'<p class="sightserve-answered" data-say="x: y" data-label="{label}">in 1 s</p>'
    )
    return message


def inbox(place: str) -> ForwardMsg:
    message = element([0, 2])
    message.delta.new_element.bidi_component.id = f"$$ID-77-inbox-{place}"
    message.delta.new_element.bidi_component.component_name = "sightserve.inbox"
    message.delta.new_element.bidi_component.json = json.dumps({"place": place, "ticket": "a-secret"})
    return message


def page_with(*messages: ForwardMsg) -> Page:
    page = Page()
    start = ForwardMsg()
    start.new_session.initialize.session_id = "s1"
    for message in (start, *messages):
        page.read(message.SerializeToString())
    return page


def test_the_label_is_what_the_page_says_was_answered_whatever_its_words_are():
    assert page_with(answered("tiger-cat &amp; friends")).label == "tiger-cat & friends"


def test_files_go_to_the_address_that_the_page_has_and_are_announced_as_its_script_does():
    page = page_with(inbox("photo"))

    assert page.address("photo", 7, 0, 1, "a b.jpg", 5) == "/inbox/a-secret/photo/7/0?of=1&name=a+b.jpg&size=5&offset=0"
    (state,) = BackMsg.FromString(page.came("photo", 7)).rerun_script.widget_states.widgets
    assert state.id == "$$STREAMLIT_INTERNAL_KEY_$$ID-77-inbox-photo__events"
    assert json.loads(state.json_trigger_value) == [{"event": "came", "value": {"pick": 7, "refused": [], "left": 0}}]


def test_a_new_run_of_the_script_begins_without_the_old_answer():
    page = page_with(answered("daisy"))
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
    kept = answered("espresso")
    kept.hash, kept.metadata.cacheable = "h1", True
    page = page_with(kept)
    restart, reference = ForwardMsg(), element([0, 1, 0])
    restart.new_session.name = "app"
    reference.ref_hash = "h1"

    for message in (restart, reference):
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

    page = page_with(message)

    assert page.problem == text.split("**")[1]
    assert page.busy is busy


def test_a_friendly_wait_is_noticed():
    message = element([0, 1, 0])
    message.delta.new_element.progress.text = "**The classifier is waking up.** After a quiet time ..."

    assert page_with(message).waking


def test_a_script_that_stops_early_to_run_again_has_not_finished():
    early, done = ForwardMsg(), ForwardMsg()
    early.script_finished = ForwardMsg.FINISHED_EARLY_FOR_RERUN
    done.script_finished = ForwardMsg.FINISHED_SUCCESSFULLY
    page = page_with()

    assert page.read(early.SerializeToString()) == "script_finished"
    assert page.running
    page.read(done.SerializeToString())
    assert not page.running
