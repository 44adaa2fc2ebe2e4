"""What is deployed, as data."""

import re
from dataclasses import replace

import pytest
import yaml
from tests.conftest import ROOT

import sightserve
from sightserve.deploy.cloud_run import plan, removal
from sightserve.deploy.images import DOCKERFILE
from sightserve.deploy.options import Builder, Options, Size
from sightserve.deploy.steps import When

OPTIONS = Options("my-project", "europe-west1", tag="v1")


def commands(options=OPTIONS):
    return [step.command for step in plan(options)]


def the(*start, options=OPTIONS):
    [found] = [words for words in commands(options) if words[: len(start)] == start]
    return found


def test_the_backend_is_private_and_its_probes_ask_the_backend_itself():
    backend = the("gcloud", "run", "deploy", "sightserve-backend")

    assert "--no-allow-unauthenticated" in backend
    assert "--concurrency=64" in backend
    assert any(word.startswith("--startup-probe=httpGet.path=/health/ready,") for word in backend)
    assert any(word.startswith("--liveness-probe=httpGet.path=/health/live,") for word in backend)


def test_the_frontend_is_open_unless_said_otherwise_and_knows_where_to_look():
    frontend = the("gcloud", "run", "deploy", "sightserve-frontend")
    private = the("gcloud", "run", "deploy", "sightserve-frontend", options=replace(OPTIONS, private_frontend=True))

    assert "--allow-unauthenticated" in frontend
    assert "--no-allow-unauthenticated" in private
    assert "--session-affinity" in frontend
    assert "--timeout=3600" in frontend
    assert (
        "--update-env-vars=SIGHTSERVE_CLOUD_PROJECT=my-project,SIGHTSERVE_CLOUD_REGION=europe-west1,"
        "SIGHTSERVE_CLOUD_SERVICE=sightserve-backend" in frontend
    )


def flag(words, name):
    """Return the value of a flag that a command has once."""
    [found] = [word.removeprefix(f"{name}=") for word in words if word.startswith(f"{name}=")]
    return found


def test_each_account_gets_rights_on_single_things_and_none_on_the_project():
    rights = {
        (flag(words, "--member"), flag(words, "--role"), words[words.index("add-iam-policy-binding") + 1])
        for words in commands()
        if "add-iam-policy-binding" in words
    }

    builder, frontend = (
        f"serviceAccount:sightserve-{who}@my-project.iam.gserviceaccount.com" for who in ("builder", "frontend")
    )
    assert rights == {
        (builder, "roles/storage.admin", "gs://my-project-sightserve-builds"),
        (builder, "roles/artifactregistry.writer", "sightserve"),
        (frontend, "roles/run.invoker", "sightserve-backend"),
        (frontend, "roles/run.viewer", "sightserve-backend"),
    }
    assert not any(words[1] == "projects" for words in commands())


def test_both_halves_run_and_the_builds_build_as_accounts_of_their_own():
    running = {flag(words, "--service-account") for words in commands() if words[1:3] == ("run", "deploy")}
    building = {flag(words, "--service-account") for words in commands() if words[1:3] == ("builds", "submit")}

    assert running == {f"sightserve-{half}@my-project.iam.gserviceaccount.com" for half in ("backend", "frontend")}
    assert building == {
        "projects/my-project/serviceAccounts/sightserve-builder@my-project.iam.gserviceaccount.com",
    }


def test_builds_are_made_where_every_project_may_and_where_gcloud_can_show_their_log():
    [first, _] = [words for words in commands() if words[1:3] == ("builds", "submit")]
    [elsewhere, _] = [
        words for words in commands(replace(OPTIONS, build_region="us-west2")) if words[1:3] == ("builds", "submit")
    ]

    assert flag(first, "--region") == "global"
    assert flag(elsewhere, "--region") == "us-west2"
    assert flag(first, "--gcs-log-dir").startswith("gs://my-project-sightserve-builds/")
    assert flag(first, "--gcs-source-staging-dir").startswith("gs://my-project-sightserve-builds/")
    config = yaml.safe_load((ROOT / "containers" / "cloudbuild.yaml").read_text())
    assert config["options"]["logging"] == "GCS_ONLY"  # gcloud builds submit shows no log of Cloud Logging's


def test_what_operators_set_stays_and_what_they_say_here_wins():
    said = replace(OPTIONS, backend_env=(("SIGHTSERVE_LOG_FORMAT", "text"), ("SIGHTSERVE_API_KEYS", "a,b")))

    for half in ("backend", "frontend"):
        assert not any(
            word.startswith(("--set-env-vars", "--clear-env-vars", "--env-vars-file"))
            for word in the("gcloud", "run", "deploy", f"sightserve-{half}")
        )
    assert (
        flag(the("gcloud", "run", "deploy", "sightserve-backend", options=said), "--update-env-vars")
        == "^;^GOOGLE_CLOUD_PROJECT=my-project;SIGHTSERVE_LOG_FORMAT=text;SIGHTSERVE_API_KEYS=a,b"
    )


def test_the_frontends_size_is_ones_own_choice():
    frontend = the(
        "gcloud", "run", "deploy", "sightserve-frontend", options=replace(OPTIONS, frontend=Size(4, "8Gi", 600, 1, 9))
    )

    assert {"--cpu=4", "--memory=8Gi", "--concurrency=600", "--min-instances=1", "--max-instances=9"} < set(frontend)


def test_an_image_of_ones_own_is_not_built_here():
    own = replace(OPTIONS, backend_image="europe-west1-docker.pkg.dev/my-project/mine/model:v2")

    builds = [words for words in commands(own) if words[:3] == ("gcloud", "builds", "submit")]

    assert len(builds) == 1
    assert "--image=europe-west1-docker.pkg.dev/my-project/mine/model:v2" in the(
        "gcloud", "run", "deploy", "sightserve-backend", options=own
    )


def test_local_builders_build_for_the_machines_of_cloud_run():
    builds = [
        words for words in commands(replace(OPTIONS, builder=Builder.BUILDAH)) if words[:2] == ("buildah", "build")
    ]

    assert [flag(words, "--target") for words in builds] == ["backend", "frontend"]
    assert all(
        {"--platform=linux/amd64", "--label=org.opencontainers.image.revision=v1"} < set(words) for words in builds
    )


def test_cloud_build_builds_what_it_is_told_of_the_one_dockerfile():
    config = (ROOT / "containers" / "cloudbuild.yaml").read_text()
    targets = re.findall(r"^FROM runtime AS (\S+)$", (ROOT / DOCKERFILE).read_text(), re.MULTILINE)

    told = [
        dict(pair.split("=") for pair in flag(words, "--substitutions").split(","))
        for words in commands()
        if words[1:3] == ("builds", "submit")
    ]

    assert [each["_TARGET"] for each in told] == targets == ["backend", "frontend"]
    assert [each["_IMAGE"] for each in told] == [OPTIONS.image(half) for half in targets]
    assert {each["_REVISION"] for each in told} == {"v1"}
    # a substitution that is not used, or used and not there, is an error of Cloud Build's
    assert set(re.findall(r"\$(_[A-Z]+)", config)) == set(told[0])
    assert f"--file={DOCKERFILE}" in config


def test_images_say_the_version_that_the_code_says():
    """In the Dockerfile itself, so that no way of building can leave it unknown."""
    said = re.findall(
        r"(?:SIGHTSERVE_VERSION=|image\.version=)\"?([^\s\"\\]+)", (ROOT / DOCKERFILE).read_text(), re.MULTILINE
    )

    assert said == [sightserve.__version__] * 2


def test_every_gcloud_command_names_the_project_and_every_step_says_what_to_do():
    for step in (*plan(OPTIONS), *removal(OPTIONS)):
        assert step.advice
        for words in step.commands:
            assert "--project=my-project" in words


@pytest.mark.parametrize("builder", Builder)
def test_what_is_made_is_what_is_removed_whoever_built(builder):
    options = replace(OPTIONS, builder=builder)

    made = {step.looks for step in plan(options) if step.when is When.ABSENT}
    removed = [step.looks for step in removal(options)]

    # the two services are made by `deploy`, which needs no look
    services = {words for words in removed if words[1:3] == ("run", "services")}
    assert made <= set(removed) - services
    assert len(services) == 2
    assert len(made) == (5 if builder is Builder.CLOUD_BUILD else 3)  # Cloud Build's are an account and a bucket
    assert [step.when for step in removal(options)] == [When.PRESENT] * 7
