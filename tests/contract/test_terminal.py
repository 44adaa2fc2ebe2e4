"""Commands on a terminal: help, completion, colour, Ctrl-C, and names that would steer it."""

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import SAMPLES
from tests.contract.test_cli import sightserve_
from tests.fake_backend import fake_backend
from tests.processes import clean_environment, free_port


@pytest.mark.parametrize("words", [["-h"], ["classify", "-h"], ["deploy", "cloud-run", "-h"], ["up", "-h"]])
def test_minus_h_is_help_too(words):
    run = sightserve_(*words)

    assert run.returncode == 0
    assert "Usage" in run.stdout


def test_completion_can_be_installed_and_knows_the_commands():
    shown = sightserve_("--show-completion", "bash")
    environment = clean_environment(_SIGHTSERVE_COMPLETE="complete_bash", COMP_WORDS="sightserve cl", COMP_CWORD="1")
    installed = Path(sys.executable).with_name("sightserve")
    completed = subprocess.run([installed], env=environment, capture_output=True, text=True, check=False)

    assert "complete" in shown.stdout
    assert completed.stdout.split() == ["classify"]


@pytest.mark.parametrize(
    "words", [["--help"], ["classify", "--help"], ["classify", str(SAMPLES)], ["classify", "--top-k"]]
)
def test_no_color_is_kept_to_on_a_terminal(words):
    plain, coloured = on_a_terminal(*words, NO_COLOR="1"), on_a_terminal(*words)

    assert "\x1b" not in plain
    assert "\x1b[" in coloured


def on_a_terminal(*words: str, press: bytes = b"", after: str = "", **environment: str) -> str:
    """Return what a terminal shows; `press` is typed once `after` is to be seen. The last line is the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "sightserve", *words], clean_environment(**environment))
    shown = b""
    pressed = not press
    with contextlib.suppress(OSError):  # EIO: it has ended
        while select.select([terminal], [], [], 60)[0] and (read := os.read(terminal, 4096)):
            shown += read
            if not pressed and after.encode() in shown:
                os.write(terminal, press)
                pressed = True
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return f"{shown.decode(errors='replace')}\n{code}"


@pytest.mark.parametrize(
    ("words", "after"),
    [
        (["serve", "--port", "{port}"], "serving on"),
        (["ui", "--port", "{port}"], "URL"),
        (["classify", "--backend", "{busy}", str(SAMPLES)], "asking again"),
        (["video", "--backend", "{busy}", str(SAMPLES / "tour.mp4")], "asking again"),
        (["loadtest", "--backend", "{calm}", "--users", "1"], "seconds"),
    ],
)
def test_ctrl_c_ends_every_command_with_130_and_no_traceback(words, after):
    with fake_backend() as busy, fake_backend() as calm:
        busy.busy_after = 0
        busy.ready = False
        places = {"port": free_port(), "busy": busy.url, "calm": calm.url}
        shown = on_a_terminal(*(word.format(**places) for word in words), press=b"\x03", after=after)

    assert shown.endswith("\n130"), shown
    assert "Traceback" not in shown
    assert "Aborted" not in shown


@pytest.mark.parametrize("as_json", [False, True])
def test_a_files_name_steers_no_terminal(tmp_path, espresso, as_json):
    name = "a\x1b]0;owned\x07\x9b31m\u202e\r\n.jpg"
    (tmp_path / name).write_bytes(espresso)
    (tmp_path / f"bad{name}").write_bytes(b"no photo")

    run = sightserve_("classify", *(["--json"] if as_json else []), str(tmp_path))

    for steers in ("\x1b", "\x07", "\x9b", "\u202e", "\r"):
        assert steers not in run.stdout + run.stderr
    assert len(run.stdout.splitlines()) == 2  # the photo, and the head of the table or the other's error
    if as_json:
        assert json.loads(run.stdout.splitlines()[0])["filename"] == name
