"""Where is the backend?"""

import pytest

from sightserve.client.discovery import LOCAL_BACKEND, backend_url


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"BACKEND": "https://api.example"}, "https://api.example"),
        ({"BACKEND": "  "}, LOCAL_BACKEND),
        ({}, LOCAL_BACKEND),
    ],
)
def test_the_environment_says_where_else_it_is_here(environment, url):
    assert backend_url(environment) == url
