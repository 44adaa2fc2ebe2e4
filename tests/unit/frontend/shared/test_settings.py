"""The web app's settings."""

import itertools

import pytest

from sightserve.cli.ui import streamlit_command
from sightserve.frontend.shared.settings import InvalidSetting, LogSettings, read_log_settings, read_settings


def test_the_environment_names_every_setting():
    settings = read_settings({"SIGHTSERVE_UI_PARALLEL": "8", "SIGHTSERVE_UI_ALLOWED_HOSTS": "a.example, *.b.example"})

    assert settings.parallel == 8
    assert settings.hosts == ["a.example", "*.b.example"]
    assert settings.max_photos == 1000


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_number_that_is_none_names_the_variable(text):
    with pytest.raises(InvalidSetting, match="SIGHTSERVE_UI_PARALLEL"):
        read_settings({"SIGHTSERVE_UI_PARALLEL": text})


@pytest.mark.parametrize("text", ["", "0"])
def test_there_are_no_metrics_unless_a_port_is_named(text):
    assert read_settings({"SIGHTSERVE_UI_METRICS_PORT": text}).metrics_port == 0
    assert read_settings({"SIGHTSERVE_UI_METRICS_PORT": "8502"}).metrics_port == 8502


@pytest.mark.parametrize(("text", "there"), [("", False), ("0", False), ("off", False), ("1", True), ("True", True)])
def test_the_teach_page_is_there_where_somebody_says_so(text: str, there: bool) -> None:
    assert read_settings({"SIGHTSERVE_UI_TEACH": text}).teach is there


@pytest.mark.parametrize("name", ["SIGHTSERVE_UI_TEACH", "SIGHTSERVE_UI_TEACHING"])
def test_a_switch_that_is_neither_on_nor_off_is_refused(name: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        read_settings({name: "please"})


def test_a_port_beyond_the_last_names_the_variable():
    with pytest.raises(InvalidSetting, match="SIGHTSERVE_UI_METRICS_PORT is 65536"):
        read_settings({"SIGHTSERVE_UI_METRICS_PORT": "65536"})


def test_the_log_is_set_as_the_backends_is():
    assert read_log_settings({"SIGHTSERVE_LOG_FORMAT": ""}) == LogSettings("auto", "info")
    wanted = read_log_settings({"SIGHTSERVE_LOG_FORMAT": "json", "SIGHTSERVE_LOG_LEVEL": "debug"})
    assert wanted == LogSettings("json", "debug")


@pytest.mark.parametrize("name", ["SIGHTSERVE_LOG_FORMAT", "SIGHTSERVE_LOG_LEVEL"])
def test_a_log_as_there_is_none_names_the_variable(name):
    with pytest.raises(InvalidSetting, match=f"{name} is 'text'"):
        read_log_settings({name: "text"})


def test_streamlits_debug_lines_which_name_peoples_files_are_never_asked_for():
    flags = list(itertools.pairwise(streamlit_command("127.0.0.1", 8501, log_level="debug", greeting=False)))

    assert ("--logger.level", "info") in flags
    assert ("--logger.hideWelcomeMessage", "true") in flags
    assert ("--logger.level", "error") in itertools.pairwise(streamlit_command("127.0.0.1", 8501, log_level="error"))


def test_streamlit_reports_to_nobody_and_keeps_its_protections():
    words = streamlit_command("127.0.0.1", 8501, allowed_hosts=["a.example", "b.example"])
    flags = list(itertools.pairwise(words))

    for flag in [
        ("--browser.gatherUsageStats", "false"),
        ("--server.enableXsrfProtection", "true"),
        ("--client.showErrorDetails", "none"),
        ("--server.allowedHosts", "a.example"),
        ("--server.allowedHosts", "b.example"),
    ]:
        assert flag in flags


def test_an_app_that_listens_everywhere_asks_nobody_for_its_address():
    """Without an address to show, Streamlit would ask a server on the internet for this machine's."""
    everywhere = list(itertools.pairwise(streamlit_command("0.0.0.0", 8501)))

    assert ("--browser.serverAddress", "localhost") in everywhere
    assert "--browser.serverAddress" not in streamlit_command("127.0.0.1", 8501)


def test_on_cloud_run_a_video_may_be_as_large_as_a_request():
    assert read_settings({"K_SERVICE": "x"}).max_video_mb == 100
    assert read_settings({"K_SERVICE": "x", "SIGHTSERVE_UI_MAX_VIDEO_MB": "50"}).max_video_mb == 50
    assert read_settings({}).max_video_mb == 200
    assert read_settings({"K_SERVICE": "x"}).total_video_mb < read_settings({}).total_video_mb


def test_a_name_that_is_no_setting_is_refused_with_the_nearest_that_is_one():
    with pytest.raises(
        InvalidSetting, match=r"SIGHTSERVE_UI_PARALEL is no setting: did you mean SIGHTSERVE_UI_PARALLEL\?"
    ):
        read_settings({"SIGHTSERVE_UI_PARALEL": "4"})


def test_what_kubernetes_tells_of_a_service_called_ui_is_no_setting():
    read_settings({"SIGHTSERVE_UI_SERVICE_HOST": "10.0.0.1", "SIGHTSERVE_UI_PORT": "tcp://10.0.0.1:80"})


@pytest.mark.parametrize(("seconds", "words"), [("1", "2 minutes"), ("60", "2 minutes"), ("120", "3 minutes")])
def test_what_is_promised_of_photos_follows_the_setting(seconds, words):
    assert read_settings({"SIGHTSERVE_UI_SESSION_SECONDS": seconds}).gone_after == words


def test_streamlit_keeps_a_session_for_longer_than_we_do():
    """It says of one that is over that there is none, keeps it all the same, and then nobody can end it."""
    everywhere = list(itertools.pairwise(streamlit_command("127.0.0.1", 8501, session_seconds=500)))

    assert int(dict(everywhere)["--server.disconnectedSessionTTL"]) > 500 + 60
