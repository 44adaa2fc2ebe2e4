"""The About page's logic, without a browser, against a backend that says what a test wants."""

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
    for fact in ("says what a test wants", "5.0 MB", "MIT", "Top-1", "75.0%", "50 megapixels", "Streamlit"):
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
    assert "of one of several" in everything(about_page)
    assert {metric.label: metric.value for metric in about_page.metric}["Photos a second"] == "?"


def test_a_label_can_be_looked_for(backend, about_page):
    about_page.run()

    about_page.text_input(key="knows").set_value("CAT").run()

    assert "2 labels:** tiger cat, Egyptian cat" in everything(about_page)


def test_a_label_that_it_does_not_know_is_said(backend, about_page):
    about_page.run()

    about_page.text_input(key="knows").set_value("<b>unicorn").run()

    assert r"No label has “\<b\>unicorn”" in everything(about_page)


def test_a_backend_that_is_not_ready_is_shown_as_that(backend, about_page):
    backend.ready = False

    about_page.run()

    assert "Not ready" in everything(about_page)


def test_without_a_backend_it_says_what_to_set_and_never_fails(backend, about_page, monkeypatch):
    monkeypatch.setenv("BACKEND", "http://127.0.0.1:9")

    about_page.run()

    assert not about_page.exception
    assert "away" in about_page.error[0].value
    assert "`BACKEND`" in everything(about_page)
