"""Who asks, on a laptop: the service account's file, or the person that gcloud knows."""

import stat

import pytest

from sightserve.client.caller import identity_for
from sightserve.client.errors import IdentityError

PRIVATE = "https://sightserve-backend-abc-ew.a.run.app"


@pytest.fixture
def laptop(monkeypatch, tmp_path):
    """No credentials of Google's libraries; and a gcloud that says what the test wants."""
    for name in ("K_SERVICE", "GCE_METADATA_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "SIGHTSERVE_IDENTITY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sightserve.client.identity.has_metadata_server", lambda *_: False)

    def gcloud(script: str) -> None:
        (tmp_path / "gcloud").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "gcloud").chmod(stat.S_IRWXU)

    return gcloud


def test_a_person_is_who_gcloud_says(laptop):
    laptop('[ "$1 $2" = "auth print-identity-token" ] && echo a.persons.token')
    identity = identity_for(PRIVATE)

    assert identity is not None
    assert identity.token() == "a.persons.token"


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "echo"])
def test_where_nobody_is_logged_in_the_error_says_what_to_do(laptop, script):
    laptop(script)
    identity = identity_for(PRIVATE)

    assert identity is not None
    with pytest.raises(IdentityError, match="credentials"):
        identity.token()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://classifier.example.org"])
def test_other_backends_are_told_nothing(laptop, url):
    assert identity_for(url) is None


def test_never_is_never(laptop, monkeypatch):
    monkeypatch.setenv("SIGHTSERVE_IDENTITY", "never")

    assert identity_for(PRIVATE) is None
