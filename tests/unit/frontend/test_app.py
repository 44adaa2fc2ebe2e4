"""The whole app, without a browser: how it finds its backend on a small Google Cloud, and what it says when it does not."""

import pytest
from tests.processes import free_port

from sightserve.client import discovery


@pytest.fixture(autouse=True)
def nothing_on_this_machine(monkeypatch):
    monkeypatch.setattr(discovery, "LOCAL_BACKEND", f"http://127.0.0.1:{free_port()}")


def everything(app):
    boxes = [*app.markdown, *app.caption, *app.main.header, *app.error, *app.title, *app.get("html")]
    return " ".join(str(element.value) for element in boxes)


def test_on_cloud_run_it_classifies_through_a_private_backend_without_any_address_set(cloud, whole_app):
    app = whole_app(cloud.environment).run()

    next(button for button in app.button if button.label == "Cat").click().run()

    assert not app.exception
    assert cloud.backend.photos
    assert any(heading.value in {"tabby", "tiger cat", "Egyptian cat", "espresso", "daisy", "palace", "missile", "cup"}
               for heading in app.main.header)  # fmt: skip
    assert len(cloud.api.asked) == 1


def test_the_about_page_says_which_way_won_and_that_a_token_is_sent_but_not_the_token(cloud, whole_app, about_page):
    whole_app(cloud.environment)

    about_page.run()

    text = everything(about_page)
    assert "Cloud Run service sightserve" in text.replace("\\", "")
    assert "ID token" in text
    assert cloud.gate.url in text
    assert cloud.gate.asked[-1][1] not in text


def test_a_gate_that_stays_shut_is_explained_with_the_role_to_give(cloud, whole_app, about_page):
    cloud.gate.forbids = True
    whole_app(cloud.environment)

    about_page.run()

    assert not about_page.exception
    assert "does not let this app in" in about_page.error[0].value
    assert "roles/run.invoker" in everything(about_page)


def test_no_token_to_be_had_is_explained_and_nothing_is_sent(cloud, whole_app, about_page):
    whole_app({"BACKEND": cloud.gate.url, "SIGHTSERVE_IDENTITY": "always", "HOME": "/dev/null/home"})

    about_page.run()

    assert not about_page.exception
    assert "wants to know who asks" in about_page.error[0].value
    assert "GOOGLE_APPLICATION_CREDENTIALS" in everything(about_page).replace("\\", "")
    assert cloud.gate.asked == []


def test_when_nothing_is_found_every_page_says_what_was_tried_and_what_to_set(cloud, whole_app):
    cloud.api.services.clear()
    app = whole_app(cloud.environment | {"SIGHTSERVE_CLOUD_SERVICE": "anothername"}).run()

    text = everything(app).replace("\\", "").replace("`", "")
    assert not app.exception
    assert app.title[0].value == "The classifier was not found"
    for part in ("Cloud Run, the service anothername", "There is no service anothername", "SIGHTSERVE_CLOUD_SERVICE",
                 "This machine, at http://127.0.0.1", "Nothing answers there", "sightserve serve"):  # fmt: skip
        assert part in text
    assert "Traceback" not in text


def test_it_goes_on_as_soon_as_the_backend_is_there(cloud, whole_app):
    service = cloud.api.services.pop("sightserve-backend")
    app = whole_app(cloud.environment).run()
    assert app.title[0].value == "The classifier was not found"
    cloud.api.services["sightserve-backend"] = service

    app.button(key="look-again").click().run()

    assert app.title[0].value == "What is in this photo?"


def test_a_run_of_a_page_looks_once_even_where_the_failure_is_not_remembered(cloud, whole_app):
    cloud.api.refuses = 403
    app = whole_app(cloud.environment | {"BACKEND": cloud.backend.url, "SIGHTSERVE_CLOUD_PROJECT": "my-project"})

    app.run()

    assert app.title[0].value == "What is in this photo?"
    assert len(cloud.api.asked) == 1


def test_a_private_backend_has_no_links_that_would_not_open_and_a_curl_line_that_says_who_asks(
    cloud, whole_app, about_page
):
    app = whole_app(cloud.environment).run()
    next(button for button in app.button if button.label == "Cat").click().run()
    app.session_state["details"] = True
    app.run()
    about_page.run()

    code = [block.value for block in app.code]
    assert any('-H "Authorization: Bearer $(gcloud auth print-identity-token)" -F' in text for text in code)
    assert any(f"auth=Identity('{cloud.gate.url}')" in text for text in code)
    assert about_page.get("link_button") == []
