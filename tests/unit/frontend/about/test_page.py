"""The About page's logic, without a browser, against a backend that says what a test wants."""

import pytest
import streamlit as st

from sightserve.frontend.shared import settings


def everything(page):
    return " ".join(
        str(element.value) for element in [*page.markdown, *page.caption, *page.main.header, *page.get("html")]
    )


def test_it_says_which_model_answers_and_how_it_was_found(backend, about_page):
    about_page.run()

    text = everything(about_page)
    assert not about_page.exception
    assert backend.url in text
    assert "BACKEND says so" in text
    for fact in ("says what a test wants", "5.0 MB", "MIT", "on 75.0% of the photos", "50 megapixels", "Streamlit"):
        assert fact in text


def test_people_see_the_address_that_they_can_open_and_none_where_there_is_none(backend, about_page, monkeypatch):
    def drawn(public):
        monkeypatch.setenv("SIGHTSERVE_UI_PUBLIC_BACKEND", public)
        settings.settings.cache_clear()
        about_page.run()
        assert not about_page.exception
        return everything(about_page), [link.proto.url for link in about_page.get("link_button")]

    text, links = drawn("https://api.example/")
    assert "`https://api.example`" in text
    assert backend.url not in text
    assert links[0] == "https://api.example/docs"

    text, links = drawn("none")
    assert "answers this app alone" in text
    assert backend.url not in text
    assert links == []


def test_the_live_figures_come_from_the_metrics_and_tolerate_missing_ones(backend, about_page):
    about_page.run()

    figures = {metric.label: metric.value for metric in about_page.metric}
    assert figures["Typical answer"] == "15 ms"  # all ten between 10 and 20 ms: the median is in the middle
    assert figures["Waiting in line"] == "?"
    assert "Since the classifier started" in everything(about_page)


def test_of_several_backends_behind_one_address_it_says_that_it_shows_one(backend, about_page):
    counted = 'sightserve_http_requests_total{method="POST",route="/predict",status="200"}'
    backend.metrics = [
        f'sightserve_instance_info{{id="{one}"}} 1\n{counted} {n}\n' for one, n in (("a", 9), ("b", 858_150))
    ]

    about_page.run()
    alone = everything(about_page)
    about_page.run()

    assert "all people together" in alone
    assert "one of several classifiers" in everything(about_page)
    assert {metric.label: metric.value for metric in about_page.metric}["Photos a second"] == "?"


def test_figures_of_two_spans_stand_under_two_headings(backend, about_page):
    """The rates are of the last seconds, and nothing was asked in these: the rest is since the start."""
    about_page.run()
    about_page.run()

    headings = [header.value for header in about_page.main.header]
    assert headings[-2:] == ["Right now", "Since the classifier started"]
    labels = [metric.label for metric in about_page.metric]
    assert labels[:2] == ["Photos a second", "Errors a second"]
    assert labels.index("Typical answer") > 1
    assert "Over the last" in everything(about_page)


def test_where_no_photo_was_ever_asked_for_there_are_no_question_marks(backend, about_page):
    backend.metrics = ["# TYPE sightserve_http_requests_total counter\n"]

    about_page.run()

    assert "No photo yet." in everything(about_page)
    assert {metric.label for metric in about_page.metric} == {"Photos a second", "Errors a second"}


def test_accuracy_is_told_as_people_count(backend, about_page):
    backend.accuracy = {
        "data": "200 photos of the orchard",
        "photos": 200,
        "top1": 0.905,
        "top5": 0.995,
        "agreement_with_float32": 1.0,
        "published_top1": 0.776,
        "published_by": "somebody's photos",
    }

    about_page.run()

    text = everything(about_page)
    for fact in (
        "<dt>Right</dt><dd>on 181 of 200 photos",
        "on 199 of 200 photos",
        "200 photos of the orchard",
        "right on 77.6% of somebody&#x27;s photos",
    ):
        assert fact in text
    assert "float32" not in text


@pytest.mark.parametrize(
    ("page_url", "shown"),
    [("http://127.0.0.1:8501/about", True), ("http://sight.example/about", False), (None, True)],
)
def test_an_address_on_this_machine_is_shown_only_to_who_is_on_it(backend, about_page, monkeypatch, page_url, shown):
    monkeypatch.setattr(type(st.context), "url", property(lambda _: page_url))

    about_page.run()

    assert (backend.url in everything(about_page)) is shown
    assert bool(about_page.get("link_button")) is shown
    assert ("answers this app alone" in everything(about_page)) is not shown


def test_a_label_can_be_looked_for(backend, about_page):
    about_page.run()

    about_page.text_input(key="knows").set_value("CAT").run()

    assert "2 labels:** tiger cat, Egyptian cat" in everything(about_page)


def test_what_the_model_has_kinds_of_is_found_by_the_kinds_name(backend, about_page):
    backend.kinds = [{"name": "cat", "classes": [0, 1, 2]}]
    about_page.run()

    about_page.text_input(key="knows").set_value("Cats").run()

    assert "3 kinds of cat:** tabby, tiger cat, Egyptian cat" in everything(about_page)


def test_a_label_that_it_does_not_know_is_said(backend, about_page):
    about_page.run()

    about_page.text_input(key="knows").set_value("<b>unicorn").run()

    assert r"No label has “\<b\>unicorn”" in everything(about_page)


def test_a_backend_that_is_not_ready_is_shown_as_that(backend, about_page):
    backend.ready = False

    about_page.run()
    first = everything(about_page)
    backend.ready = True
    about_page.run()

    assert "Not ready" in first
    assert "Not ready" not in everything(about_page)


def test_without_a_backend_it_says_what_to_set_and_never_fails(backend, about_page, monkeypatch):
    monkeypatch.setenv("BACKEND", "http://127.0.0.1:9")

    about_page.run()

    assert not about_page.exception
    assert "away" in about_page.error[0].value
    assert "`BACKEND`" in everything(about_page)


def test_how_right_it_was_by_what_people_said_and_nothing_where_that_is_not_known(backend, about_page):
    backend.feedback = {"days": 90, "photos": True}
    about_page.run()
    nobody = everything(about_page)
    backend.summary = {"predictions": 900, "judged": 200, "right": 181, "low": 0.8563, "high": 0.9383}
    about_page.run()
    people = everything(about_page)
    backend.feedback_refusals = [(503, "feedback_unavailable")]
    about_page.run()

    assert "people judged" not in nobody
    assert "**Right on 181 of 200 answers that people judged** (86 to 94%)." in people
    assert not about_page.exception
    assert "people judged" not in everything(about_page)
