"""What the environment says: a mistake is refused by name, and what others read is left to them."""

import pytest

from sightserve.backend.environment import InvalidEnvironment, check


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SIGHTSERVE_RATELIMIT", "SIGHTSERVE_RATE_LIMIT"),
        ("SIGHTSERVE_APIKEYS", "SIGHTSERVE_API_KEYS"),
        ("SIGHTSERVE_MAX_PIXEL", "SIGHTSERVE_MAX_PIXELS"),
        ("sightserve_log_levl", "SIGHTSERVE_LOG_LEVEL"),
        ("SIGHTSERVE_CLOUD_REGIONS", "SIGHTSERVE_CLOUD_REGION"),
        ("SIGHTSERVE_FEEDBACK_DATABSE", "SIGHTSERVE_FEEDBACK_DATABASE"),
    ],
)
def test_a_name_that_nobody_knows_is_refused_with_the_nearest_that_there_is(name, nearest):
    with pytest.raises(InvalidEnvironment, match=rf"^{name} is no setting: did you mean {nearest}\?$"):
        check({name: "1"})


def test_a_name_that_is_like_none_is_refused_too():
    with pytest.raises(InvalidEnvironment, match=r"^SIGHTSERVE_XYZZY is no setting$"):
        check({"SIGHTSERVE_XYZZY": "1"})


@pytest.mark.parametrize(
    "name",
    [
        "SIGHTSERVE_UI_PARALLEL", "SIGHTSERVE_PHOTOS", "SIGHTSERVE_WITHOUT_GCLOUD", "SIGHTSERVE_CLOUD_PROJECT",
        "SIGHTSERVE_IDENTITY", "SIGHTSERVE_VERSION", "SIGHTSERVE_PORT", "sightserve_port", "PORT", "PATH",
    ],
)  # fmt: skip
def test_what_we_or_the_other_half_or_the_tools_know_passes(name):
    check({name: "1"})


def test_what_kubernetes_tells_of_a_service_beside_us_is_no_setting_of_ours():
    check(
        {
            "SIGHTSERVE_BACKEND_SERVICE_HOST": "10.0.0.1",
            "SIGHTSERVE_BACKEND_SERVICE_PORT": "80",
            "SIGHTSERVE_BACKEND_SERVICE_PORT_HTTP": "80",
            "SIGHTSERVE_BACKEND_PORT": "tcp://10.0.0.1:80",
            "SIGHTSERVE_BACKEND_PORT_80_TCP_ADDR": "10.0.0.1",
        }
    )


@pytest.mark.parametrize("keys", ["", " ", " , ", ",,"])
def test_a_list_of_no_keys_is_a_mistake_and_not_a_server_for_everybody(keys):
    with pytest.raises(InvalidEnvironment, match="SIGHTSERVE_API_KEYS names no key"):
        check({"SIGHTSERVE_API_KEYS": keys})


def test_the_clients_key_alone_protects_no_server_and_is_refused():
    with pytest.raises(InvalidEnvironment, match=r"SIGHTSERVE_API_KEY is what a client sends.*SIGHTSERVE_API_KEYS"):
        check({"SIGHTSERVE_API_KEY": "secret"})


def test_the_clients_key_beside_the_servers_keys_is_what_up_has():
    check({"SIGHTSERVE_API_KEY": "secret", "SIGHTSERVE_API_KEYS": "secret,other"})
