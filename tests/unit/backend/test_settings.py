"""Settings: flag, then environment, then default."""

import pytest
from pydantic import ValidationError

from sightserve.backend.deadlines import deadline_of
from sightserve.backend.job import Plan
from sightserve.backend.settings import Settings


def test_the_defaults_hold_where_nothing_is_said(monkeypatch):
    for name in ("PORT", "SIGHTSERVE_PORT", "SIGHTSERVE_HOST"):
        monkeypatch.delenv(name, raising=False)

    settings = Settings()

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.cpus >= 1


def test_a_flag_beats_our_variable_which_beats_the_platforms(monkeypatch):
    monkeypatch.setenv("PORT", "1111")
    assert Settings().port == 1111
    monkeypatch.setenv("SIGHTSERVE_PORT", "2222")
    assert Settings().port == 2222
    assert Settings(port=3333).port == 3333


def test_lists_are_written_with_commas(monkeypatch):
    monkeypatch.setenv("SIGHTSERVE_API_KEYS", " key-a, key-b ,,")
    monkeypatch.setenv("SIGHTSERVE_ALLOWED_ORIGINS", "https://a.example,https://b.example")

    settings = Settings()

    assert [key.get_secret_value() for key in settings.api_keys] == ["key-a", "key-b"]
    assert settings.allowed_origins == ("https://a.example", "https://b.example")
    assert "key-a" not in repr(settings)


@pytest.mark.parametrize(("name", "value"), [("SIGHTSERVE_CPUS", "0"), ("SIGHTSERVE_PORT", "http"), ("PORT", "70000")])
def test_nonsense_is_refused_by_name(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError) as caught:
        Settings()

    assert name.removeprefix("SIGHTSERVE_").lower() in str(caught.value).lower()


@pytest.mark.parametrize("keys", ["", " , "])
def test_keys_that_name_none_are_refused(keys):
    with pytest.raises(ValidationError, match="names no key"):
        Settings(api_keys=keys)


def test_a_rate_limit_that_would_limit_nobody_is_refused(monkeypatch):
    monkeypatch.setenv("SIGHTSERVE_RATE_LIMIT", "5/minute")
    with pytest.raises(ValidationError, match="there are none: set api_keys too"):
        Settings()

    monkeypatch.setenv("SIGHTSERVE_API_KEYS", "a-key")
    assert Settings().rate_limit == "5/minute"


@pytest.mark.parametrize(("inference", "seconds"), [(0.006, 2.0), (0.1, 2.0), (0.3, 6.0), (1.4, 28.0), (9.0, 30.0)])
def test_a_slow_model_has_a_longer_deadline(inference, seconds):
    assert deadline_of(Settings(), Plan(inference=inference)) == pytest.approx(seconds)
    assert deadline_of(Settings(deadline_ms=1500), Plan(inference=inference)) == 1.5


def test_a_database_of_feedback_shows_no_password(monkeypatch):
    monkeypatch.setenv("SIGHTSERVE_FEEDBACK_DATABASE", "postgresql://app:hunter2@db/feedback")
    monkeypatch.setenv("SIGHTSERVE_FEEDBACK_DAYS", "30")

    settings = Settings()

    assert settings.feedback_days == 30
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(("name", "value"), [("feedback_days", 30), ("feedback_photos", "none")])
def test_what_is_said_of_feedback_where_none_is_kept_is_a_mistake(name, value):
    with pytest.raises(ValidationError, match=f"{name} is of no use where nothing is kept: set feedback_database too"):
        Settings(**{name: value})


@pytest.mark.parametrize("place", ["none", "file:///data/photos", "s3://bucket/folder", "gs://bucket"])
def test_photos_of_feedback_go_to_an_address_or_nowhere(place):
    assert Settings(feedback_database="sqlite://", feedback_photos=place).feedback_photos == place


@pytest.mark.parametrize("place", ["/data/photos", "photos", "None", "s3://", "s3://a b", "://x"])
def test_a_place_for_photos_that_is_none_is_explained(place):
    with pytest.raises(ValidationError, match="is no place for photos: write it like file:///folder"):
        Settings(feedback_database="sqlite://", feedback_photos=place)
