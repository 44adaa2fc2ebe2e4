"""The temporary folder of a process: gone with it, and never somebody else's."""

import os
import signal
import subprocess
import sys
import time

import pytest

from sightserve.frontend.shared.workspace import Workspace, sweep

_OWNER = """
import sys, time
from pathlib import Path
from sightserve.frontend.shared.workspace import Workspace
folder = Workspace(Path(sys.argv[1])).folder()
(folder / "video.mp4").write_bytes(b"a stranger's")
print(folder, flush=True)
time.sleep(600)
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that has a video in its folder."""
    command = [sys.executable, "-c", _OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip()
        yield process
        process.kill()


def test_nothing_is_made_before_it_is_needed_and_nothing_is_left(tmp_path):
    space = Workspace(tmp_path)
    before = list(tmp_path.iterdir())
    one, other = space.folder(), space.folder()
    (one / "video.mp4").write_bytes(b"video")

    space.remove()

    assert before == []
    assert one.parent == other.parent != tmp_path
    assert list(tmp_path.iterdir()) == []


def test_once_it_is_removed_it_gives_out_no_more_folders_and_removes_what_came_late(tmp_path):
    space = Workspace(tmp_path)
    folder = space.folder()
    space.remove()
    folder.mkdir(parents=True)
    (folder / "late.mp4").write_bytes(b"was just being written")

    space.remove()

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="about to end"):
        space.folder()


def test_a_living_processs_folder_stays_and_a_killed_ones_goes(tmp_path, owner):
    while_it_lives = sweep(tmp_path)
    kept = [path.name for path in tmp_path.rglob("*.mp4")]

    owner.send_signal(signal.SIGKILL)
    owner.wait()

    assert while_it_lives == []
    assert kept == ["video.mp4"]
    assert len(sweep(tmp_path)) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_being_made_stays_and_what_was_never_locked_goes_after_a_while(tmp_path):
    (tmp_path / "sightserve-ui-new").mkdir()
    old = tmp_path / "sightserve-ui-old"
    old.mkdir()
    os.utime(old, (time.time() - 3600, time.time() - 3600))

    sweep(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["sightserve-ui-new"]


def test_other_names_and_links_are_left_alone(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "owner").touch()
    (tmp_path / "sightserve-ui-link").symlink_to(elsewhere)
    (tmp_path / "sightserve-ui-file").touch()

    assert sweep(tmp_path) == []
    assert (elsewhere / "owner").exists()


def test_without_any_folder_for_temporary_files_there_is_nothing_to_sweep(monkeypatch):
    """A container with a read-only root and no /tmp: the app starts, and its Video page says that there is no room."""

    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", none)

    assert sweep() == []
