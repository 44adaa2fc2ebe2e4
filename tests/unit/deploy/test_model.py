"""A model of one's own on its way into the backend's image."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT
from tests.models import write_bundle

from sightserve.bundle.beside import REPORT_JSON, REPORT_PAGE, keep_out_of_images
from sightserve.deploy.cloud_run import plan
from sightserve.deploy.images import MODEL_BUILD_CONFIG, MODEL_DOCKERFILE
from sightserve.deploy.model import Model, UnfitModel, check_memory, memory_for, read_model
from sightserve.deploy.options import Builder, InvalidOption, Options

MODEL = Model(Path("/models/my-model"), "my model", "1", "0123456789ab", 5_000_000)
OPTIONS = Options("my-project", "europe-west1", tag="v1", model=MODEL)
REPOSITORY = "europe-west1-docker.pkg.dev/my-project/sightserve"


def the(*start, options=OPTIONS):
    [found] = [step.command for step in plan(options) if step.command[: len(start)] == start]
    return found


def test_the_model_is_put_on_top_of_the_backends_image_and_that_one_is_deployed():
    built = the("gcloud", "builds", "submit", "/models/my-model")
    deployed = the("gcloud", "run", "deploy", "sightserve-backend")

    image = f"{REPOSITORY}/backend:v1-model-0123456789ab"
    assert f"--substitutions=_BACKEND={REPOSITORY}/backend:v1,_IMAGE={image}" in built
    assert f"--image={image}" in deployed
    assert f"--image={REPOSITORY}/frontend:v1" in the("gcloud", "run", "deploy", "sightserve-frontend")


def test_what_was_once_set_on_the_service_does_not_win_over_the_image():
    assert "--remove-env-vars=SIGHTSERVE_MODEL" in the("gcloud", "run", "deploy", "sightserve-backend")
    plain = the("gcloud", "run", "deploy", "sightserve-backend", options=replace(OPTIONS, model=None))
    assert not any("SIGHTSERVE_MODEL" in word for word in plain)
    with pytest.raises(InvalidOption, match="SIGHTSERVE_MODEL and a model: say one"):
        replace(OPTIONS, backend_env=(("SIGHTSERVE_MODEL", "fast"),))


def test_here_it_is_built_from_the_folder_after_the_backend():
    options = replace(OPTIONS, builder=Builder.PODMAN)
    commands = [step.command for step in plan(options)]

    [own] = [words for words in commands if f"--file={MODEL_DOCKERFILE}" in words]
    assert own[-1] == "/models/my-model"
    assert f"--build-arg=BACKEND={REPOSITORY}/backend:v1" in own
    assert commands.index(own) > commands.index(("podman", "push", f"{REPOSITORY}/backend:v1"))
    assert commands[commands.index(own) + 1] == ("podman", "push", f"{REPOSITORY}/backend:v1-model-0123456789ab")


def test_each_model_and_each_image_below_it_has_a_tag_of_its_own():
    images = {
        options.image("backend")
        for options in (
            OPTIONS,
            replace(OPTIONS, model=replace(MODEL, digest="ba9876543210")),
            replace(OPTIONS, tag="v2"),
            replace(OPTIONS, backend_image="docker.io/me/backend:1"),
            replace(OPTIONS, backend_image="docker.io/me/backend:2"),
        )
    }

    assert len(images) == 5
    with pytest.raises(InvalidOption, match="tag"):
        replace(OPTIONS, tag="v" * 120)


def test_cloud_build_does_what_the_dockerfile_says():
    config = yaml.safe_load((ROOT / MODEL_BUILD_CONFIG).read_text())
    lines = (ROOT / MODEL_DOCKERFILE).read_text().splitlines()

    [step] = config["steps"]
    script = step["args"][-1].replace("$_BACKEND", "${BACKEND}")
    said = [line for line in lines if not line.startswith(("#", "ARG"))]
    assert said == script.partition("<<'END'\n")[2].removesuffix("END\n").splitlines()


def test_a_model_is_read_whole_and_the_same_files_have_the_same_digest(tmp_path):
    one = read_model(str(write_bundle(tmp_path / "models" / "one")), tmp_path)
    again = read_model("one", tmp_path / "models")
    other = read_model(str(write_bundle(tmp_path / "other", version="2")), tmp_path)

    assert one is not None
    assert other is not None
    assert one == again
    assert (one.name, one.version) == ("always-last", "1")
    assert one.digest != other.digest
    assert read_model("fast", tmp_path) is None


def test_what_is_damaged_missing_or_holds_more_than_a_model_is_refused(tmp_path):
    folder = write_bundle(tmp_path / "mine")
    (folder / ".env").write_text("SECRET=1")
    (folder / "photos").mkdir()

    with pytest.raises(UnfitModel, match=r"would be sent along: move \.env, photos away"):
        read_model(str(folder), tmp_path)
    (folder / ".env").unlink()
    (folder / "photos").rmdir()
    (folder / "labels.txt").write_text("other\n")
    with pytest.raises(UnfitModel, match=r"labels\.txt"):
        read_model(str(folder), tmp_path)
    with pytest.raises(UnfitModel, match="neither a directory nor the name of a model"):
        read_model("nowhere", tmp_path)


def test_a_trained_models_report_stays_here(tmp_path):
    folder = write_bundle(tmp_path / "mine")
    before = read_model(str(folder), tmp_path)
    (folder / REPORT_PAGE).write_text("photos")
    (folder / REPORT_JSON).write_text("{}")

    with pytest.raises(UnfitModel, match=r"would be sent along: move report\.html, report\.json away"):
        read_model(str(folder), tmp_path)
    keep_out_of_images(folder)
    assert read_model(str(folder), tmp_path) == before

    (folder / ".gcloudignore").write_text("# nothing")
    with pytest.raises(UnfitModel, match=r"move \.dockerignore, \.gcloudignore, report\.html, report\.json away"):
        read_model(str(folder), tmp_path)


def test_a_large_model_gets_the_memory_that_it_takes_or_more_cpus_are_asked_for():
    small, large = replace(MODEL, size=8_000_000), replace(MODEL, size=350_000_000)

    assert memory_for(small, 2) <= 1536 < memory_for(large, 2)
    assert check_memory(small, 2, 1536) == ""
    assert "large photos will be refused" in check_memory(small, 2, 1024)
    with pytest.raises(UnfitModel, match="350 MB, and 2 vCPUs with it need more to start"):
        check_memory(large, 2, 512)
    with pytest.raises(UnfitModel, match="take"):
        memory_for(replace(MODEL, size=2_000_000_000), 1)
