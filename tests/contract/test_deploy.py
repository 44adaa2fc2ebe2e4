"""`sightserve deploy cloud-run` as its user runs it, with a gcloud that remembers instead of Google's."""

import pytest
from tests.contract.test_cli import sightserve_
from tests.fake_backend import fake_backend
from tests.fakes.gate import fake_gate
from tests.fakes.gcloud import AUDIENCE, fake_gcloud
from tests.fakes.servers import Handler, serving
from tests.models import write_bundle

from sightserve.deploy.cloud_run import plan
from sightserve.deploy.options import Options
from sightserve.deploy.steps import script

pytestmark = pytest.mark.slow  # each deploys, against a cloud of our own

WHERE = ("--project", "my-project", "--region", "europe-west1")
MADE = {
    "repositories sightserve",
    "buckets gs://my-project-sightserve-builds",
    "service-accounts sightserve-builder@my-project.iam.gserviceaccount.com",
    "service-accounts sightserve-backend@my-project.iam.gserviceaccount.com",
    "service-accounts sightserve-frontend@my-project.iam.gserviceaccount.com",
    "services sightserve-backend",
    "services sightserve-frontend",
}


class Page(Handler):
    def do_GET(self):
        self.give(200 if self.path == "/_stcore/health" else 404, "ok", "text/plain")


@pytest.fixture
def source(tmp_path):
    """A repository as far as this command looks at it."""
    folder = tmp_path / "a repository"
    (folder / "containers").mkdir(parents=True)
    for name in ("Dockerfile", "cloudbuild.yaml", "model.Dockerfile", "model.cloudbuild.yaml"):
        (folder / "containers" / name).touch()
    return folder


@pytest.fixture
def gcloud(tmp_path):
    with fake_backend() as backend, fake_gate(backend.url) as gate, serving(Page) as page:
        gate.audience = AUDIENCE
        (tmp_path / "bin").mkdir()
        yield fake_gcloud(tmp_path / "bin", {"sightserve-backend": gate.url, "sightserve-frontend": page})


def deploy(gcloud, source, *flags, stdin=b""):
    return sightserve_(
        "deploy", "cloud-run", *WHERE, "--source", str(source), *flags, stdin=stdin, **gcloud.environment
    )  # fmt: skip


def test_it_makes_everything_tries_it_and_says_the_address(gcloud, source):
    run = deploy(gcloud, source)

    assert run.returncode == 0, run.stderr
    assert set(gcloud.state()["things"]) == MADE
    assert "espresso.jpg is" in run.stdout
    assert gcloud.urls["sightserve-frontend"] in run.stdout
    assert "14/14" in run.stdout


def test_run_again_it_makes_nothing_twice(gcloud, source):
    deploy(gcloud, source)
    assert sum(" create " in line for line in gcloud.told) == 5

    run = deploy(gcloud, source)

    assert run.returncode == 0, run.stderr
    assert sum(" create " in line for line in gcloud.told) == 0
    assert run.stdout.count("nothing to do") == 5
    assert set(gcloud.state()["things"]) == MADE


def test_it_stops_at_the_first_step_that_fails_says_what_to_do_and_goes_on_the_next_time(gcloud, source):
    gcloud.set(fails="iam service-accounts create sightserve-frontend", times=1, says="ERROR: PERMISSION_DENIED: no")

    run = deploy(gcloud, source)

    assert run.returncode == 1
    assert "failed at step 3 of 14: Make the account that the frontend runs as" in run.stderr
    assert "PERMISSION_DENIED: no" in run.stderr
    assert "roles/iam.serviceAccountAdmin" in run.stderr
    assert "Traceback" not in run.stderr
    assert not any("run deploy" in line for line in gcloud.told)
    assert deploy(gcloud, source).returncode == 0


def test_who_may_not_look_is_told_so_and_not_that_nothing_is_there(gcloud, source):
    deploy(gcloud, source)
    gcloud.set(fails="run services describe", times=1, says="ERROR: PERMISSION_DENIED (or it may not exist): not found")

    run = deploy(gcloud, source, "--delete", "--yes")

    assert run.returncode == 1
    assert "gcloud auth login" in run.stderr
    assert set(gcloud.state()["things"]) == MADE


def test_delete_asks_first_and_then_removes_what_was_made(gcloud, source):
    deploy(gcloud, source)

    no = deploy(gcloud, source, "--delete", stdin=b"n\n")
    assert no.returncode == 1
    assert set(gcloud.state()["things"]) == MADE
    yes = deploy(gcloud, source, "--delete", stdin=b"y\n")
    again = deploy(gcloud, source, "--delete", "--yes")

    assert (yes.returncode, again.returncode) == (0, 0), yes.stderr + again.stderr
    assert gcloud.state()["things"] == []
    assert again.stdout.count("nothing to do") == 7


def test_a_local_builder_logs_in_without_a_password_on_its_command_line(gcloud, source):
    run = deploy(gcloud, source, "--builder", "podman", "--tag", "v1")

    told = gcloud.told
    assert run.returncode == 0, run.stderr
    assert gcloud.fed.strip() == "an access token"
    assert not any("an access token" in line for line in told)
    assert "podman push europe-west1-docker.pkg.dev/my-project/sightserve/backend:v1" in told
    assert not any("cloudbuild" in line or "sightserve-build" in line for line in told)


def test_a_backend_that_does_not_work_is_an_error_with_the_line_that_shows_its_log(gcloud, source):
    gcloud.set(urls=gcloud.urls | {"sightserve-backend": "http://127.0.0.1:9"})

    run = deploy(gcloud, source)

    assert run.returncode == 1
    assert "failed at the last check" in run.stderr
    assert "gcloud run services logs read sightserve-backend --region=europe-west1" in run.stderr


def test_without_gcloud_it_says_how_to_get_it(source, tmp_path):
    run = sightserve_("deploy", "cloud-run", *WHERE, "--source", str(source), PATH=str(tmp_path))

    assert run.returncode == 1
    assert "gcloud is not installed" in run.stderr
    assert "Traceback" not in run.stderr


def test_outside_the_repository_it_says_so_before_anything_is_made(gcloud, tmp_path):
    run = deploy(gcloud, tmp_path)

    assert run.returncode == 2
    assert "containers/Dockerfile is not below" in run.stderr
    assert gcloud.told == []


def test_settings_and_sizes_go_along_and_nothing_is_changed_where_nothing_is_said(gcloud, source):
    shown = deploy(
        gcloud, source, "--dry-run", "--tag", "v1", "--backend-env", "SIGHTSERVE_API_KEYS=a,b", "--frontend-env", "A=1",
        "--frontend-env", "B=2", "--frontend-cpu", "2", "--frontend-memory", "4Gi", "--frontend-concurrency", "300",
        "--frontend-min-instances", "1", "--build-region", "us-west2",
    ).stdout  # fmt: skip
    plain = deploy(gcloud, source, "--dry-run", "--tag", "v1").stdout
    wrong = deploy(gcloud, source, "--dry-run", "--frontend-env", "PORT=80")

    assert ";SIGHTSERVE_API_KEYS=a,b" in shown
    assert ",A=1,B=2" in shown
    for flag in ("--cpu=2", "--memory=4Gi", "--concurrency=300", "--min-instances=1"):
        assert flag in shown.partition("gcloud run deploy sightserve-frontend")[2]
    assert "--region=us-west2" in shown
    assert plain.startswith(script(plan(Options("my-project", "europe-west1", tag="v1", source=source))))
    assert wrong.returncode == 2
    assert "variable PORT" in wrong.stderr


def test_a_model_of_ones_own_goes_into_the_backends_image_and_answers_at_the_end(gcloud, source, tmp_path):
    mine = write_bundle(tmp_path / "models" / "mine", name="fake")
    environment = {**gcloud.environment, "SIGHTSERVE_MODELS_DIR": str(tmp_path / "models")}
    words = ("deploy", "cloud-run", *WHERE, "--source", str(source), "--model", "mine", "--tag", "v1")

    run = sightserve_(*words, **environment)
    told = gcloud.told
    another = sightserve_("deploy", "cloud-run", *WHERE, "--source", str(source), "--model",
                          str(write_bundle(tmp_path / "another")), **gcloud.environment)  # fmt: skip

    assert run.returncode == 0, run.stderr
    assert "says fake 1 after" in run.stdout
    assert any(line.startswith(f"builds submit {mine} ") or f" submit {mine} " in line for line in told)
    assert any("run deploy sightserve-backend" in line and ":v1-model-" in line for line in told)
    assert another.returncode == 1
    assert "answers with fake 1, not with always-last 1" in another.stderr


def test_a_model_that_cannot_be_deployed_is_refused_before_anything_is_made(gcloud, source, tmp_path):
    mine = write_bundle(tmp_path / "mine")
    (mine / "model.onnx").write_bytes(b"damaged")

    damaged = deploy(gcloud, source, "--model", str(mine))
    missing = deploy(gcloud, source, "--model", "nowhere")
    both = deploy(gcloud, source, "--model", "fast", "--dry-run")

    assert (damaged.returncode, missing.returncode) == (2, 2)
    assert "model.onnx" in damaged.stderr
    assert "neither a directory nor the name of a model" in missing.stderr
    assert gcloud.told == []
    assert "SIGHTSERVE_MODEL=fast" in both.stdout


def test_a_dry_run_runs_nothing_and_a_wrong_name_is_refused(gcloud, source):
    shown = deploy(gcloud, source, "--dry-run")
    wrong = sightserve_("deploy", "cloud-run", "--project", "x; rm -rf /", "--region", "europe-west1", "--dry-run")

    assert shown.returncode == 0
    assert gcloud.told == []
    assert wrong.returncode == 2
    assert "project 'x; rm -rf /'" in wrong.stderr
