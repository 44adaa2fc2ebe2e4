"""Whom `sightserve up` lets change the model."""

import pytest

from sightserve.cli.up import _with_reload

TEACH = {"SIGHTSERVE_UI_TEACH": "1"}


@pytest.mark.parametrize(
    ("environment", "host", "lets"),
    [
        (TEACH, "127.0.0.1", True),
        (TEACH, "::1", True),
        (TEACH, "localhost", True),
        (TEACH, "0.0.0.0", False),
        (TEACH, "192.168.1.2", False),
        (TEACH | {"SIGHTSERVE_API_KEYS": "secret"}, "0.0.0.0", True),
        ({}, "127.0.0.1", False),
        ({"SIGHTSERVE_UI_TEACH": "please"}, "127.0.0.1", False),
    ],
)
def test_a_model_is_changed_from_the_page_where_no_stranger_reaches_the_api(
    environment: dict[str, str], host: str, lets: bool
) -> None:
    assert bool(_with_reload(environment, host)) is lets
