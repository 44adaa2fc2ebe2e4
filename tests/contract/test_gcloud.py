"""Every command that a deployment can run, in bash's eyes and in the real gcloud's, and the lines of the documentation."""

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.fakes.gcloud import fake_gcloud

from sightserve.deploy import check
from sightserve.deploy.cloud_run import address_of, caller, identity_token, plan, removal
from sightserve.deploy.model import Model
from sightserve.deploy.options import Builder, Options
from sightserve.deploy.steps import script
from sightserve.deploy.variables import update_flag

AWKWARD = {"A": "1,2", "B": "x=y; it's 'so'", "C": "", "D": "^,^"}
MODEL = Model(Path("/home/me/it's mine"), "mine", "1", "0123456789ab", 5_000_000)
ALL = [
    Options(
        "my-project", "europe-west1", builder=builder, private_frontend=private, source=Path(source),
        backend_env=tuple(AWKWARD.items()), model=model,
    )
    for builder, private, source, model in itertools.product(Builder, (False, True), (".", "it's/a folder"), (None, MODEL))
]  # fmt: skip
GUIDE = ROOT / "docs" / "deploy.md"


@pytest.fixture(scope="module")
def real_gcloud():
    found = shutil.which("gcloud")
    if found is None:
        if os.environ.get("CI") == "true" and os.environ.get("SIGHTSERVE_WITHOUT_GCLOUD") != "true":
            pytest.fail("CI has to have gcloud; where it cannot, set SIGHTSERVE_WITHOUT_GCLOUD=true")
        pytest.skip("needs gcloud, which is not installed here")
    return found


def lint(gcloud, lines, folder):
    """Return each line that the real gcloud does not parse, with what it says."""
    commands = folder / "commands.json"
    commands.write_text(json.dumps([{"command_string": line} for line in lines]))
    run = subprocess.run(
        [gcloud, "meta", "lint-gcloud-commands", f"--commands-file={commands}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | {"CLOUDSDK_CONFIG": str(folder), "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"},
    )
    answers = json.loads(run.stdout)
    assert len(answers) == len(lines)
    return {answer["command_string"]: answer["error_message"] for answer in answers if not answer["success"]}


@pytest.mark.slow
def test_the_real_gcloud_parses_every_command_that_can_be_run(real_gcloud, tmp_path):
    commands = {words for options in ALL for step in (*plan(options), *removal(options)) for words in step.commands}
    commands |= {address_of(ALL[0], "backend"), caller(), identity_token("me@example.com", "https://x.run.app")}
    commands.add(identity_token("robot@my-project.iam.gserviceaccount.com", "https://x.run.app"))
    lines = sorted(shlex.join(words) for words in commands if words[0] == "gcloud")

    assert len(lines) > 20
    assert lint(real_gcloud, lines, tmp_path) == {}


def test_the_real_gcloud_reads_each_setting_as_it_was_said(real_gcloud):
    """By its own parser of such flags, in a process of its own: its modules would stay in this one."""
    lib = Path(real_gcloud).resolve().parents[1] / "lib"
    if not (lib / "googlecloudsdk").is_dir():
        pytest.skip("this gcloud is installed in another way")
    script = (
        f"import json, sys; sys.path[:0] = [{str(lib)!r}, {str(lib / 'third_party')!r}];"
        " from googlecloudsdk.calliope.arg_parsers import ArgDict; print(json.dumps(ArgDict()(sys.argv[1])))"
    )
    word = update_flag(AWKWARD).removeprefix("--update-env-vars=")

    read = subprocess.run([sys.executable, "-c", script, word], capture_output=True, text=True, check=True, timeout=60)

    assert json.loads(read.stdout) == AWKWARD


def test_it_would_find_a_wrong_flag(real_gcloud, tmp_path):
    assert lint(real_gcloud, ["gcloud run deploy x --image=y --no-such-flag=1"], tmp_path)


@pytest.mark.slow
def test_the_real_gcloud_parses_every_command_of_the_guide(real_gcloud, tmp_path):
    lines = gcloud_lines(GUIDE.read_text())

    assert len(lines) >= 8
    assert lint(real_gcloud, lines, tmp_path) == {}


def gcloud_lines(markdown):
    """Each gcloud command of the guide's code blocks and of its inline code, continued lines joined, comments off."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL)
    written = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    without_blocks = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    written += re.findall(r"`(gcloud [a-z-]+ [^`]+)`", without_blocks)
    found = [match[0] for line in written if (match := re.search(r"gcloud [a-z][^|;)]*", line))]
    return [shlex.join(shlex.split(line, comments=True)) for line in found]


@pytest.mark.parametrize("builder", Builder)
def test_bash_reads_each_shown_line_as_the_words_that_would_be_run(builder, tmp_path):
    """The shown script runs in bash, with a gcloud and builders that write down their words."""
    folder = tmp_path / "bin"
    folder.mkdir()
    gcloud = fake_gcloud(folder, {})
    steps = plan(Options("my-project", "europe-west1", builder=builder, source=Path("it's/a folder"), model=MODEL))

    shown = subprocess.run(
        ["bash", "-e"], input=script(steps), capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | gcloud.environment,
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    expected = [words for step in steps for words in step.commands]
    assert sorted(gcloud.words) == sorted(expected)  # the two ends of a pipe begin together


def test_bash_parses_the_shown_check(tmp_path):
    run = subprocess.run(["bash", "-n"], input=check.as_shell(ALL[0]), capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
