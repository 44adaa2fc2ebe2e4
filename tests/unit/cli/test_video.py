"""What comes through a pipe is bounded, and gone afterwards."""

from pathlib import Path

import pytest
import typer

from sightserve.cli import video


def test_a_pipe_that_does_not_end_is_given_up_and_its_copy_removed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(video, "_MOST_COPIED", 5 * 2**20)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(typer.Exit) as ended, video._at_hand(Path("/dev/zero")):
        pass

    assert ended.value.exit_code == 1
    assert "the limit" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_read_where_it_is(tmp_path):
    path = tmp_path / "v.mp4"
    path.write_bytes(b"video")

    with video._at_hand(path) as file:
        assert file == path
