"""`sightserve video` as its user types it, with the real model: in this process, and through a backend that is restarted."""

import csv
import io
import json
import signal
import subprocess
import sys
import time
from typing import IO

import av
import numpy as np
import pytest
from tests.conftest import SAMPLES
from tests.fake_backend import fake_backend
from tests.processes import clean_environment, free_port, running
from tests.videos import FAST, frames, packets
from tools.make_video import write_video

SCENES = [("espresso", 1.5), ("cat", 1.5), ("espresso", 1.0)]
CATS = {"Egyptian cat", "tiger cat", "tabby"}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Real photos, each for a known time."""
    path = tmp_path_factory.mktemp("known") / "known.mp4"
    scenes = [(SAMPLES / f"{name}.jpg", seconds) for name, seconds in SCENES]
    write_video(path, scenes, size=(480, 320), options=FAST)
    return path


def video(
    *words: object, stdin: int | IO[bytes] = subprocess.DEVNULL, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sightserve", "video", *map(str, words)]
    return subprocess.run(
        command, stdin=stdin, capture_output=True, text=True, check=False, timeout=120,
        env=clean_environment() | environment,
    )  # fmt: skip


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def assert_right(found: list[dict[str, str]]) -> None:
    """The segments are the scenes, each boundary within one sample period of a quarter of a second."""
    edges, at = [], 0.0
    for name, seconds in SCENES:
        edges.append((name, at, at := at + seconds))
    assert len(found) == len(edges)
    for row, (name, start, end) in zip(found, edges, strict=True):
        assert row["label"] in (CATS if name == "cat" else {"espresso"})
        assert float(row["from_s"]) == pytest.approx(start, abs=0.25)
        assert float(row["to_s"]) == pytest.approx(end, abs=0.25)


def test_segments_cues_and_pixels_agree_with_what_the_video_shows(known, tmp_path):
    out, vtt, table, raw = (tmp_path / name for name in ("out.mp4", "out.vtt", "out.csv", "out.json"))

    run = video(known, "-o", out, "--vtt", vtt, "--csv", table, "--raw", raw)

    assert run.returncode == 0, run.stderr
    found = rows(table.read_text())
    assert_right(found)
    cues = [line for line in vtt.read_text().splitlines() if "-->" in line]
    assert [cue.split(" --> ")[0] for cue in cues] == [f"00:00:{float(row['from_s']):06.3f}" for row in found]
    assert len(json.loads(raw.read_text())["moments"]) == 16  # 4 seconds, 4 a second
    assert [data for _, data in packets(out)] == [data for _, data in packets(known)]
    # The letters of the plate, the only light thing on its dark ground, are the same throughout a scene and others in the next.
    letters = [(time, picture[16:50, 16:150].min(axis=-1) > 150) for time, picture in frames(out)]
    for number, row in enumerate(found):
        own = [mask for time, mask in letters if float(row["from_s"]) + 0.01 < time < float(row["to_s"]) - 0.01]
        other = letters[0 if number else len(letters) // 2][1]
        assert min(alike(mask, own[0]) for mask in own) > 0.6
        if number < 2:  # the third scene shows the first label again
            assert max(alike(mask, other) for mask in own) < 0.5


def alike(one: np.ndarray, two: np.ndarray) -> float:
    """How much of two masks is the same: their intersection over their union."""
    return float((one & two).sum() / max(1, (one | two).sum()))


def test_a_backend_gives_the_same_as_this_process(known, backend_url):
    here, there = video(known), video("--backend", backend_url, known)

    assert here.returncode == there.returncode == 0, there.stderr
    assert here.stdout == there.stdout
    assert_right(rows(here.stdout))


@pytest.mark.slow
def test_a_backend_that_is_restarted_in_the_middle_costs_nothing_but_time(known, tmp_path):
    port = free_port()
    words, health = ("serve", "--port", str(port)), f"http://127.0.0.1:{port}/health/ready"
    command = [
        sys.executable,
        "-m",
        "sightserve",
        "video",
        "--backend",
        f"http://127.0.0.1:{port}",
        "--rate",
        "60",
        str(known),
    ]

    with running(*words, health=health, log=tmp_path / "first.log") as first:
        asking = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()
        )
        deadline = time.monotonic() + 20
        while "/predict" not in (tmp_path / "first.log").read_text() and time.monotonic() < deadline:
            time.sleep(0.01)
        first.kill()
        first.wait()
        was_running = asking.poll() is None
    with running(*words, health=health, log=tmp_path / "second.log"):
        out, err = asking.communicate(timeout=60)

    assert was_running
    assert asking.returncode == 0, err
    assert "/predict" in (tmp_path / "second.log").read_text()
    assert [row["label"] in CATS for row in rows(out)] == [False, True, False]


def test_ctrl_c_stops_at_once_and_leaves_nothing_half_written(known, tmp_path):
    """A backend that takes its time: there is something to stop, however fast the machine is."""
    with fake_backend() as backend:
        backend.seconds = 1.0
        words = ["--backend", backend.url, "--rate", "60", "-o", str(tmp_path / "out.mp4")]
        command = [sys.executable, "-m", "sightserve", "video", str(known), *words]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=clean_environment())
        deadline = time.monotonic() + 20
        while not backend.photos and time.monotonic() < deadline:
            time.sleep(0.01)

        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)

    assert process.returncode == 130
    assert "stopped" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a:b.mp4", "file:c.MP4", "%03d?*.mp4", "-é 猫.mp4"])
def test_any_name_is_a_name(known, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)

    run = video(known, f"--output={name}")

    assert run.returncode == 0, run.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(frames(tmp_path / name)) == len(frames(known))


@pytest.mark.slow
def test_a_video_may_come_on_standard_input(known, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with known.open("rb") as file:
        run = video("-", "-o", tmp_path / "out.mp4", "--raw", tmp_path / "raw.json", stdin=file, TMPDIR=str(temporary))
    with known.open("rb") as file:
        piped = video("-", stdin=file, TMPDIR=str(temporary))

    assert run.returncode == piped.returncode == 0, run.stderr
    assert_right(rows(piped.stdout))
    assert json.loads((tmp_path / "raw.json").read_text())["video"] == "standard input"
    assert len(frames(tmp_path / "out.mp4")) == len(frames(known))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_came_on_standard_input_goes_however_the_command_is_ended(known, tmp_path, number):
    command = [sys.executable, "-m", "sightserve", "video", "-"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment() | {"TMPDIR": str(tmp_path)}
    )
    assert process.stdin is not None
    process.stdin.write(known.read_bytes())
    process.stdin.flush()
    give_up = time.monotonic() + 20
    while not list(tmp_path.glob("*/video")) and time.monotonic() < give_up:
        time.sleep(0.01)
    kept = list(tmp_path.glob("*/video"))

    process.send_signal(number)
    _, err = process.communicate(timeout=20)

    assert kept
    assert process.returncode == 128 + number
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_was_cut_off_gives_what_there_is_and_exit_code_1(known, tmp_path):
    path = tmp_path / "cut.mp4"
    whole = known.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    run = video(path)

    assert run.returncode == 1
    assert rows(run.stdout)[0]["label"] == "espresso"
    assert "what could be read" in run.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((SAMPLES / "cat.jpg",), "not a video"),
        (("no-such-file.mp4",), "no-such-file.mp4"),
        ((SAMPLES / "tour.mp4", "-o", "/no/such/folder/x.mp4"), "not a folder"),
        ((SAMPLES / "tour.mp4", "-o", SAMPLES / "tour.mp4"), "the video itself"),
        ((SAMPLES / "tour.mp4", "-o", "x.mkv"), "has to end in .mp4"),
        ((SAMPLES / "tour.mp4", "-o", "labelled"), "has to end in .mp4"),
        (("-", "-o", "x.webm"), "has to end in .mp4"),
        ((SAMPLES,), "is a folder"),
        (("-",), "nothing came on standard input"),
        pytest.param(
            (SAMPLES / "tour.mp4", "--backend", "http://127.0.0.1:9"), "nothing answers", marks=pytest.mark.slow
        ),
        ((SAMPLES / "tour.mp4", "--rate", "0"), "rate"),
    ],
)
def test_what_is_wrong_is_explained(words, said):
    run = video(*words)

    assert run.returncode in {1, 2}
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_the_sample_is_what_browsers_play_and_small():
    path = SAMPLES / "tour.mp4"

    assert path.stat().st_size < 1_000_000
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.audio[0].codec_context.name == "aac"
