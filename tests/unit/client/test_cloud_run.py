"""What the Cloud Run API says, through Google's real client, to a server that speaks as the API does."""

import json
import logging
from dataclasses import replace

import google.oauth2.credentials
import pytest
from tests.fakes.servers import ACCESS_TOKEN, Handler, serving

from sightserve.client import cloud_run
from sightserve.client.cloud_run import LookupFailed, Named, service_url

NAMED = Named("my-project", "europe-west1", "sightserve-backend")


def failure(cloud, named=NAMED, **environment):
    with pytest.raises(LookupFailed) as error:
        service_url(replace(named, endpoint=cloud.api.url), cloud.environment | environment)
    return error.value


def test_a_service_is_found_by_its_name(cloud):
    cloud.api.services = {"a": "https://a", "sightserve-backend": "https://b", "z": "https://z"}

    assert service_url(replace(NAMED, endpoint=cloud.api.url), cloud.environment) == "https://b"
    assert len(cloud.api.asked) == 1


def test_a_name_that_is_not_there_is_said_and_the_log_has_the_names_of_every_page(cloud, caplog):
    cloud.api.services = dict.fromkeys("abcde", "https://x")  # three pages of two

    with caplog.at_level(logging.WARNING):
        failed = failure(cloud)

    assert str(failed) == "There is no service sightserve-backend in project my-project, region europe-west1."
    assert "SIGHTSERVE_CLOUD_SERVICE" in failed.do
    assert "there are: a, b, c, d, e" in caplog.text
    assert sum("pageToken" in target for target in cloud.api.asked) == 2


def test_who_may_not_list_still_hears_that_the_name_is_not_there(cloud, caplog):
    cloud.api.services, cloud.api.refuses_lists = {}, 403

    failed = failure(cloud)

    assert "There is no service" in str(failed)
    assert "there are: ?" in caplog.text


def test_a_service_that_is_being_deployed_has_no_address_yet_and_one_that_is_changed_keeps_its_own(cloud):
    cloud.api.reconciling = True
    assert service_url(replace(NAMED, endpoint=cloud.api.url), cloud.environment) == cloud.gate.url

    cloud.api.services["sightserve-backend"] = ""
    failed = failure(cloud)

    assert failed.temporary
    assert "no address yet" in str(failed)


@pytest.mark.parametrize(
    ("status", "says", "temporary"),
    [
        (400, "refused to look", False),
        (401, "does not know who this app is", False),
        (403, "may not look at the service", False),
        (500, "failure of its own", True),
        (503, "failure of its own", True),
    ],
)
def test_each_refusal_of_the_api_has_a_sentence_and_what_to_do(cloud, status, says, temporary):
    cloud.api.refuses = status

    failed = failure(cloud)

    assert says in str(failed)
    assert failed.do
    assert failed.temporary is temporary
    assert "in Google's words" not in f"{failed} {failed.do}"


def test_without_credentials_it_says_how_to_get_some(cloud):
    failed = failure(cloud, K_SERVICE="", GCE_METADATA_HOST="")

    assert "gcloud auth application-default login" in failed.do
    assert cloud.metadata.asked == cloud.api.asked == []


@pytest.mark.parametrize("content", ["", "no json", "{}", json.dumps({"type": "authorized_user"})])
def test_a_file_with_broken_credentials_is_that_and_no_traceback(cloud, tmp_path, content):
    file = tmp_path / "key.json"
    file.write_text(content)

    assert "who this app is" in str(failure(cloud, GOOGLE_APPLICATION_CREDENTIALS=str(file)))


def test_a_persons_credentials_find_it_too(cloud, tmp_path, monkeypatch):
    """`gcloud auth application-default login` writes such a file; Google's token server is here the metadata server's."""

    class TokenServer(Handler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.give(200, {"access_token": ACCESS_TOKEN, "expires_in": 3600})

    file = tmp_path / "application_default_credentials.json"
    file.write_text(
        json.dumps({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"})
    )
    environment = cloud.environment | {"K_SERVICE": "", "GCE_METADATA_HOST": "", "CLOUDSDK_CONFIG": str(tmp_path)}
    with serving(TokenServer) as url:
        monkeypatch.setattr(google.oauth2.credentials, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", url)

        found = service_url(replace(NAMED, endpoint=cloud.api.url), environment)

    assert found == cloud.gate.url
    assert cloud.metadata.asked == []


def test_a_slow_api_is_given_up_on(cloud):
    cloud.api.seconds = 2.0

    with pytest.raises(LookupFailed, match="did not answer within 0 seconds") as error:
        service_url(replace(NAMED, endpoint=cloud.api.url), cloud.environment, seconds=0.3)

    assert error.value.temporary


def test_an_api_that_is_not_reached_is_temporary(cloud):
    with pytest.raises(LookupFailed, match="could not be reached") as error:
        service_url(replace(NAMED, endpoint="http://127.0.0.1:9"), cloud.environment)

    assert error.value.temporary


@pytest.mark.parametrize("body", ["<html>a proxy's page</html>", '{"uri": 7}'])
def test_an_answer_that_is_not_the_apis_is_temporary_and_no_traceback(cloud, body):
    class Proxy(Handler):
        def do_GET(self) -> None:
            self.give(200, body, "text/html")

    with serving(Proxy) as url, pytest.raises(LookupFailed, match="could not be reached") as error:
        service_url(replace(NAMED, endpoint=url), cloud.environment)

    assert error.value.temporary


def test_a_metadata_server_that_fails_is_temporary_and_says_what_to_set_instead(cloud):
    cloud.metadata.broken = True

    failed = failure(cloud, named=replace(NAMED, project=""))

    assert failed.temporary
    assert "SIGHTSERVE_CLOUD_PROJECT" in failed.do


def test_a_missing_region_is_named_where_no_machine_knows_it(cloud):
    failed = failure(cloud, named=replace(NAMED, region=""), K_SERVICE="", GCE_METADATA_HOST="")

    assert str(failed) == "SIGHTSERVE_CLOUD_REGION is not set."


def test_the_access_token_is_not_sent_in_the_clear_to_another_machine(cloud):
    with pytest.raises(LookupFailed, match="not https"):
        service_url(replace(NAMED, endpoint="http://10.0.0.1"), cloud.environment)

    assert cloud.metadata.asked == []


def test_the_api_is_googles_unless_said_otherwise():
    assert cloud_run.API == "https://run.googleapis.com"
