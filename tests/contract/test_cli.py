"""The command line as its user types it."""

import json
import os
import subprocess
import sys
from contextlib import closing
from typing import Any

import pillow_heif
import pytest
from PIL import Image
from tests.conftest import SAMPLES
from tests.processes import clean_environment, free_port, running_backend
from tests.web_app import running_app

import sightserve
from sightserve.frontend.photo import snippets
from sightserve.loadtest.generator.browser import Browser


def sightserve_(*words: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sightserve", *words]
    run = subprocess.run(
        command, input=stdin, capture_output=True, check=False, timeout=60, env=clean_environment(**environment)
    )
    return subprocess.CompletedProcess(run.args, run.returncode, run.stdout.decode(), run.stderr.decode())


def test_version():
    assert sightserve_("--version").stdout == f"sightserve {sightserve.__version__}\n"


@pytest.mark.parametrize(
    "command", ["up", "serve", "ui", "classify", "video", "train", "deploy", "loadtest", "capacity"]
)
def test_every_command_has_help(command):
    run = sightserve_(command, "--help")

    assert run.returncode == 0
    assert "--help" in run.stdout


def test_one_photo_gives_one_line():
    run = sightserve_("classify", str(SAMPLES / "espresso.jpg"))

    assert run.returncode == 0
    assert len(run.stdout.splitlines()) == 1
    assert "espresso" in run.stdout.removeprefix(str(SAMPLES / "espresso.jpg"))


def test_a_folder_gives_a_row_for_each_photo_in_it_and_nothing_for_other_files():
    run = sightserve_("classify", "--json", str(SAMPLES))

    sources = [json.loads(line)["filename"] for line in run.stdout.splitlines()]
    assert sources == sorted(path.name for path in SAMPLES.glob("*.jpg"))


def test_a_photo_on_stdin(espresso):
    run = sightserve_("classify", "--json", "-", stdin=espresso)

    assert json.loads(run.stdout)["prediction"] == "espresso"


def test_bad_files_are_named_the_others_are_classified_and_the_exit_code_is_1(tmp_path, espresso):
    good, cut, text = tmp_path / "good.jpg", tmp_path / "cut.jpg", tmp_path / "text.jpg"
    good.write_bytes(espresso)
    cut.write_bytes(espresso[:3000])
    text.write_bytes(b"hello")

    run = sightserve_("classify", "--json", str(cut), str(good), str(text), str(tmp_path / "absent.jpg"))

    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 1
    assert [a["error"]["code"] if "error" in a else a["prediction"] for a in answers] == [
        "unreadable_image",
        "espresso",
        "unsupported_image_type",
        "unreadable_file",
    ]
    assert "3 of 4 failed" in run.stderr


def test_people_see_which_file_failed_and_why(tmp_path):
    (tmp_path / "text.jpg").write_bytes(b"hello")

    run = sightserve_("classify", str(tmp_path / "text.jpg"))

    assert run.returncode == 1
    assert "text.jpg" in run.stderr
    assert "not an image" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system takes UTF-8 only")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_file_name_that_is_not_utf_8_is_shown_as_far_as_it_is_text(tmp_path, espresso, as_json):
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(espresso)

    done = sightserve_("classify", *(["--json"] if as_json else []), str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert "caf\ufffd.jpg" in done.stdout


def test_an_empty_folder_is_a_failure(tmp_path):
    run = sightserve_("classify", str(tmp_path))

    assert run.returncode == 1
    assert "no photos" in run.stderr


def test_who_has_many_photos_is_pointed_to_batch_once(tmp_path):
    for name, photos in (("some", 300), ("my photos", 301), ("others", 301)):
        (tmp_path / name).mkdir()
        for number in range(photos):
            (tmp_path / name / f"{number}.jpg").touch()

    run = sightserve_("classify", *(str(tmp_path / name) for name in ("some", "my photos", "others")), "--json")

    pointed = [line for line in run.stderr.splitlines() if "sightserve batch" in line]
    assert len(pointed) == 1
    assert pointed[0].startswith(f"301 photos: `sightserve batch '{tmp_path / 'my photos'}' OUT`")
    assert len(run.stdout.splitlines()) == 902


def test_a_backend_answers_the_same_as_this_process(backend_url):
    local = sightserve_("classify", "--json", str(SAMPLES))
    remote = sightserve_("classify", "--json", "--backend", backend_url, str(SAMPLES))

    def top(run: subprocess.CompletedProcess[str]) -> list[object]:
        return [json.loads(line)["top_k"] for line in run.stdout.splitlines()]

    assert top(remote) == top(local)


@pytest.mark.slow
def test_a_backend_that_is_away_is_said_for_every_photo():
    run = sightserve_("classify", "--backend", f"http://127.0.0.1:{free_port()}", str(SAMPLES / "cat.jpg"))

    assert run.returncode == 1
    assert "nothing answers at" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["classify", "-k", "5000", "x.jpg"], "between 1 and 1000"),
        (["classify", "--model", "no-such-folder", "x.jpg"], "no-such-folder"),
        (["serve", "--model", "no-such-folder"], "no-such-folder"),
        (["serve", "--port", "99999"], "Invalid value for '--port'"),
        (["ui", "--port", "99999"], "Invalid value for '--port'"),
        (["ui", "--port", "web"], "Invalid value for '--port'"),
        (["up", "--ui-port", "0"], "Invalid value for '--ui-port'"),
        (["up", "--port", "8123", "--ui-port", "8123"], "a port each"),
        (["up", "--host", "no.such.host.example"], "no.such.host.example"),
        (["classify", "--backend", "nonsense", str(SAMPLES / "cat.jpg")], "no address"),
        (["classify", "--backend", "http://x", "--api-key", "two\nlines", "x.jpg"], "API key"),
        (["serve", "--log-format", "xml"], "log_format"),
        (["serve", "--workers", "4"], "No such option: --workers"),
    ],
)
def test_a_wrong_flag_is_explained(words, said):
    run = sightserve_(*words, SIGHTSERVE_PORT=str(free_port()))

    assert run.returncode in {1, 2}
    assert said in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {"SIGHTSERVE_RATELIMIT": "5/minute"},
            "SIGHTSERVE_RATELIMIT is no setting: did you mean SIGHTSERVE_RATE_LIMIT?",
        ),
        ({"SIGHTSERVE_API_KEY": "secret"}, "SIGHTSERVE_API_KEY is what a client sends, and protects nothing here"),
        ({"SIGHTSERVE_API_KEYS": ""}, "SIGHTSERVE_API_KEYS names no key"),
        ({"SIGHTSERVE_API_KEYS": " , "}, "SIGHTSERVE_API_KEYS names no key"),
        ({"SIGHTSERVE_RATE_LIMIT": "5/minute"}, "there are none: set api_keys too"),
    ],
)
def test_a_server_that_would_be_more_open_than_somebody_believes_does_not_start(environment, said):
    run = sightserve_("serve", "--port", str(free_port()), **environment)

    assert run.returncode == 2
    assert said in " ".join(run.stderr.split())
    assert "secret" not in run.stderr
    assert "Traceback" not in run.stderr


def test_a_busy_port_is_explained(backend_url):
    port = backend_url.rsplit(":", 1)[1]

    for command in (["serve", "--port", port], ["up", "--port", port]):
        run = sightserve_(*command)
        assert run.returncode == 1
        assert port in run.stderr
        assert "Traceback" not in run.stderr


def test_a_wrong_environment_is_explained():
    run = sightserve_("serve", SIGHTSERVE_MAX_UPLOAD_BYTES="lots")

    assert run.returncode == 2
    assert "max_upload_bytes" in run.stderr


def test_photos_in_other_formats_are_found_in_folders(tmp_path):
    pillow_heif.register_heif_opener()
    (tmp_path / "._a.png").write_bytes(b"what macOS leaves beside a.png")
    for name in ("a.png", "b.webp", "c.heic", "d.avif", "e.gif", "f.txt"):
        if not name.endswith("txt"):
            Image.new("RGB", (32, 32)).save(tmp_path / name, {"heic": "HEIF"}.get(name[2:]))
        else:
            (tmp_path / name).write_text("not a photo")

    run = sightserve_("classify", "--json", str(tmp_path))

    assert run.returncode == 0
    assert [json.loads(line)["filename"][0] for line in run.stdout.splitlines()] == list("abcde")


@pytest.mark.slow
def test_a_backend_with_keys_is_asked_with_the_key(espresso, tmp_path):
    (tmp_path / "a.jpg").write_bytes(espresso)
    with running_backend(tmp_path / "log", SIGHTSERVE_API_KEYS="a-key-of-some-length") as backend:
        without = sightserve_("classify", "--backend", backend.url, str(tmp_path / "a.jpg"))
        wrong = sightserve_("classify", "--backend", backend.url, "--api-key", "b", str(tmp_path / "a.jpg"))
        by_variable: Any = {"SIGHTSERVE_API_KEY": "a-key-of-some-length"}
        right = sightserve_("classify", "--backend", backend.url, str(tmp_path / "a.jpg"), **by_variable)
        video = sightserve_(
            "video", "--backend", backend.url, str(SAMPLES / "tour.mp4"), "--rate", "0.5", **by_variable
        )
        with running_app(tmp_path, backend.url, **by_variable) as app, closing(Browser(app.url, 20)) as visitor:
            visitor.open()
            visitor.upload("photo", [("a.jpg", espresso)])
            label = visitor.page.label

        # The lines that the page hands out ask with the reader's own key.
        for line in (
            ["bash", "-c", f"{snippets.curl(backend.url, ['a.jpg'], 3, keyed=True)} -sS"],
            [sys.executable, "-c", snippets.python(backend.url, ["a.jpg"], 3, keyed=True)],
        ):
            said = subprocess.run(
                line, cwd=tmp_path, env=clean_environment(**by_variable), capture_output=True, text=True, check=False
            )
            assert "espresso" in said.stdout, said.stderr

    assert (without.returncode, wrong.returncode) == (1, 1)
    assert "key" in without.stderr
    assert (right.returncode, video.returncode, label) == (0, 0, "espresso"), right.stderr + video.stderr
    assert "a-key-of-some-length" not in backend.log.read_text()
