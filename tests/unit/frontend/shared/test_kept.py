"""Widgets that are as they were when their page comes back."""

from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from sightserve.frontend.shared import kept

if st.button("Forget", key="forget"):
    kept.forget("name", "several")
if st.toggle("Here", value=True, key="here"):
    kept.drawn(st.text_input, "Name", key="name")
    kept.drawn(st.multiselect, "Several", ["a", "b"], key="several")
"""


def test_a_widget_has_its_value_again_when_it_is_drawn_again():
    app = AppTest.from_string(SCRIPT).run()
    app.text_input(key="name").set_value("tabby").run()
    app.multiselect(key="several").set_value(["b"]).run()

    app.toggle(key="here").set_value(False).run()
    app.run()
    app.toggle(key="here").set_value(True).run()

    assert app.text_input(key="name").value == "tabby"
    assert app.multiselect(key="several").value == ["b"]


def test_a_widget_that_is_forgotten_begins_anew():
    app = AppTest.from_string(SCRIPT).run()
    app.text_input(key="name").set_value("tabby").run()
    app.toggle(key="here").set_value(False).run()

    app.button(key="forget").click().run()
    app.toggle(key="here").set_value(True).run()

    assert app.text_input(key="name").value == ""
