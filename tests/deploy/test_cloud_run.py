"""deploy/cloud-run: what `sightserve deploy cloud-run` makes, and the guide's commands around it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml
from tests.conftest import ROOT
from tests.fakes.gcloud import fake_gcloud

from sightserve.deploy.cloud_run import plan
from sightserve.deploy.options import Builder, Options

OPTIONS = Options("my-project", "europe-west1", tag="TAG")  # as in the files
HALVES = ["backend", "frontend"]
# What is said beside the file: where, and who may open it.
BESIDE = {"region", "project", "quiet", "allow-unauthenticated", "no-allow-unauthenticated"}


def flags_of(half: str, options: Options) -> dict[str, str]:
    """Return the flags of the command that deploys a half; those without a value have an empty one."""
    [words] = [step.command for step in plan(options) if step.command[1:4] == ("run", "deploy", f"sightserve-{half}")]
    pairs = (word.removeprefix("--").partition("=") for word in words[4:])
    return {name: value for name, _, value in pairs if name not in BESIDE}


def probe(flag: str) -> dict[str, Any]:
    said = dict(pair.split("=", 1) for pair in flag.split(","))
    get = {"path": said.pop("httpGet.path"), "port": int(said.pop("httpGet.port"))}
    return {"httpGet": get} | {name: int(value) for name, value in said.items()}


def as_service(half: str, options: Options = OPTIONS) -> dict[str, Any]:
    """Return the service that the command makes, as Cloud Run's YAML has it; a flag that is not known here is an error."""
    flags = flags_of(half, options)
    annotations = {
        "autoscaling.knative.dev/minScale": flags.pop("min-instances"),
        "autoscaling.knative.dev/maxScale": flags.pop("max-instances"),
        "run.googleapis.com/execution-environment": flags.pop("execution-environment"),
    }
    for flag, name in {"cpu-boost": "startup-cpu-boost", "session-affinity": "sessionAffinity"}.items():
        if flags.pop(flag, None) is not None:
            annotations[f"run.googleapis.com/{name}"] = "true"
    variables = (pair.split("=", 1) for pair in flags.pop("update-env-vars").split(","))
    container = {
        "image": flags.pop("image"),
        "ports": [{"containerPort": int(flags.pop("port"))}],
        "env": [{"name": name, "value": value} for name, value in variables],
        "resources": {"limits": {"cpu": flags.pop("cpu"), "memory": flags.pop("memory")}},
        "startupProbe": probe(flags.pop("startup-probe")),
        "livenessProbe": probe(flags.pop("liveness-probe")),
    }
    spec = {
        "serviceAccountName": flags.pop("service-account"),
        "containerConcurrency": int(flags.pop("concurrency")),
        "timeoutSeconds": int(flags.pop("timeout")),
        "containers": [container],
    }
    service = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": f"sightserve-{half}",
            "annotations": {"run.googleapis.com/ingress": flags.pop("ingress")},
        },
        "spec": {"template": {"metadata": {"annotations": annotations}, "spec": spec}},
    }
    assert flags == {}
    return service


@pytest.mark.parametrize("half", HALVES)
def test_the_file_is_what_the_command_makes(half):
    file = yaml.safe_load((ROOT / "deploy" / "cloud-run" / f"{half}.yaml").read_text())

    assert file == as_service(half)


def rights(commands: Iterable[Sequence[str]]) -> set[tuple[str, ...]]:
    """Return who is given which role on what."""
    return {
        (
            words[words.index("add-iam-policy-binding") + 1],
            *sorted(w for w in words if w.startswith(("--member", "--role"))),
        )
        for words in commands
        if "add-iam-policy-binding" in words
    }


def test_the_guides_commands_around_the_files_make_what_the_command_makes(tmp_path):
    """They are run, in a repository of their own, with a gcloud and a docker that write down their words."""
    section = (ROOT / "docs" / "deploy.md").read_text().partition("### From files")[2]
    lines = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "bin").mkdir()
    gcloud = fake_gcloud(tmp_path / "bin", {})
    shutil.copytree(ROOT / "deploy" / "cloud-run", tmp_path / "deploy" / "cloud-run")
    git = ["git", "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)

    subprocess.run(
        ["bash", "-eu"], input=lines, text=True, cwd=tmp_path, check=True, timeout=60,
        env=os.environ | gcloud.environment,
    )  # fmt: skip

    told = gcloud.words
    [*_, pushed] = [words for words in told if words[:2] == ("docker", "push")]
    options = replace(OPTIONS, builder=Builder.DOCKER, tag=pushed[-1].rpartition(":")[2])
    everybody = ("sightserve-frontend", "--member=allUsers", "--role=roles/run.invoker")  # as --allow-unauthenticated
    assert rights(told) == rights(step.command for step in plan(options)) | {everybody}
    made = {f"service-accounts {options.account(half)}" for half in HALVES} | {"repositories sightserve"}
    assert set(gcloud.state()["things"]) == made
    for half in HALVES:
        file = yaml.safe_load((tmp_path / f"{half}.yaml").read_text())
        assert file == as_service(half, options)
        assert ("gcloud", "run", "services", "replace", f"{half}.yaml", "--region=europe-west1") in told
