"""What is deployed, as data."""

from dataclasses import replace

from sightserve.deploy.cloud_run import plan, removal
from sightserve.deploy.options import Builder, Options
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
        "--set-env-vars=SIGHTSERVE_CLOUD_PROJECT=my-project,SIGHTSERVE_CLOUD_REGION=europe-west1,"
        "SIGHTSERVE_CLOUD_SERVICE=sightserve-backend" in frontend
    )


def test_the_frontends_account_gets_its_rights_on_that_one_service_only():
    rights = [words for words in commands() if "add-iam-policy-binding" in words]

    assert all(
        words[:5] == ("gcloud", "run", "services", "add-iam-policy-binding", "sightserve-backend") for words in rights
    )
    assert [word for words in rights for word in words if word.startswith("--role=")] == [
        "--role=roles/run.invoker",
        "--role=roles/run.viewer",
    ]
    assert not any(words[1] == "projects" for words in commands())


def test_both_halves_run_as_accounts_of_their_own():
    accounts = {word for words in commands() for word in words if word.startswith("--service-account=")}

    assert accounts == {
        f"--service-account=sightserve-{half}@my-project.iam.gserviceaccount.com" for half in ("backend", "frontend")
    }


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

    assert len(builds) == 2
    assert all("--platform=linux/amd64" in words for words in builds)


def test_every_gcloud_command_names_the_project_and_every_step_says_what_to_do():
    for step in (*plan(OPTIONS), *removal(OPTIONS)):
        assert step.advice
        for words in step.commands:
            assert "--project=my-project" in words


def test_what_is_made_is_what_is_removed_in_the_other_order():
    made = [step.looks[-3:] for step in plan(OPTIONS) if step.when is When.ABSENT]
    removed = [step.looks[-3:] for step in removal(OPTIONS)]

    services = {("describe", "sightserve-backend", "--region=europe-west1")}
    assert set(made) < set(removed)
    assert len(removed) == len(made) + 2
    assert services  # the two services are made by `deploy`, which needs no look
    assert [step.when for step in removal(OPTIONS)] == [When.PRESENT] * 5
