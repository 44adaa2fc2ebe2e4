"""Both images as they are shipped: built, weighed, run as containers, and asked."""

import http.client
import json
import re
import statistics
import threading
import time
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect
from tests.conftest import SAMPLES
from tests.containers.engine import IMAGES, inspect, layer_sizes, running_container, wait_until_ready

import sightserve

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1500)]

MOST_MEGABYTES = {"backend": 250, "frontend": 550}  # of each image's own layers, uncompressed
FIRST_ANSWER_SECONDS = 3.0  # from asking the engine for a container to the first label
OTHER_HALF = {
    "backend": ["streamlit", "altair", "pandas", "pyarrow", "av"],
    "frontend": ["onnxruntime", "fastapi", "uvloop"],
}


def ask(url: str, photo: bytes, path: str = "/predict") -> dict[str, object]:
    request = urllib.request.Request(url + path, photo, {"Content-Type": "image/jpeg"})
    with urllib.request.urlopen(request, timeout=20) as response:
        answer: dict[str, object] = json.load(response)
        return answer


def seconds_to_first_answer(photo: bytes) -> float:
    with running_container("backend") as container:
        while time.monotonic() < container.started + 30:
            try:
                assert ask(container.url, photo)["prediction"] == "espresso"
                return time.monotonic() - container.started
            except OSError:  # not listening yet
                time.sleep(0.02)
        raise AssertionError(container.logs())


@pytest.mark.parametrize("half", ["backend", "frontend"])
def test_an_images_own_layers_stay_small(images, half, tmp_path, capsys):
    base = layer_sizes(images["base"], tmp_path / "base")

    layers = layer_sizes(images[half], tmp_path / half)

    own = [size / 1e6 for layer, size in layers.items() if layer not in base]
    with capsys.disabled():
        parts = " + ".join(f"{size:.0f}" for size in own if size >= 1)
        print(
            f"\n{half}: own layers {sum(own):.0f} MB ({parts}) on {images['base']}, {sum(base.values()) / 1e6:.0f} MB"
        )
    assert len(layers) == len(base) + len(own)  # it stands on that base
    assert sum(own) < MOST_MEGABYTES[half]


def test_the_backend_answers_its_first_request_soon_after_its_start(images, espresso, capsys):
    seconds = [seconds_to_first_answer(espresso) for _ in range(5)]

    with capsys.disabled():
        print(f"\nbackend: first answer after {', '.join(f'{s:.2f}' for s in sorted(seconds))} s")
    assert statistics.median(seconds) < FIRST_ANSWER_SECONDS


def knock_from_elsewhere(url: str) -> int:
    """Ask for a websocket as another site's page would; return the status (101: opened)."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Origin": "https://elsewhere.example",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/_stcore/stream", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_frontend_starts_and_asks_nobody_outside_for_its_address(images, capsys):
    with running_container("frontend") as container:
        wait_until_ready("frontend", container)
        seconds = time.monotonic() - container.started
        status = knock_from_elsewhere(container.url)
        logs = container.logs()

    with capsys.disabled():
        print(f"\nfrontend: healthy after {seconds:.2f} s")
    assert status == 403
    said = [json.loads(line)["message"] for line in logs.splitlines()]
    assert "Application startup complete." in said
    assert any("Rejecting" in message for message in said)
    assert "external" not in logs.lower()


def test_the_backend_classifies_and_says_nothing_untoward(backend, espresso):
    answer = ask(backend.url, espresso)

    assert answer["prediction"] == "espresso"
    for line in backend.logs().splitlines():
        assert json.loads(line)["severity"] == "INFO"


@pytest.mark.browser
def test_the_frontend_classifies_a_photo_that_a_person_uploads(frontend, page, artifacts):
    page.goto(frontend.url)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)  # its first page: imports
    page.locator("input.files").set_input_files([SAMPLES / "espresso.jpg"])
    page.get_by_role("button", name=re.compile("Classify")).click()

    expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_visible()
    expect(page.locator(".st-key-answer").get_by_text(re.compile("Very sure · 9"))).to_be_visible()
    expect(page.get_by_role("list", name="Probabilities").get_by_role("listitem")).to_have_count(5)
    page.screenshot(path=artifacts / "container-photo.png")
    assert "Traceback" not in frontend.logs()


@pytest.mark.browser
def test_the_frontend_gives_a_batch_as_parquet(frontend, page, tmp_path):
    """Of the largest package only a part is shipped: that part has to do its work."""
    page.goto(frontend.url + "/batch")
    page.locator("input.files").set_input_files([SAMPLES / "espresso.jpg", SAMPLES / "cat.jpg"])
    page.get_by_role("button", name=re.compile("Classify")).click()

    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Parquet")).click()

    download.value.save_as(tmp_path / "answers.parquet")
    content = (tmp_path / "answers.parquet").read_bytes()
    assert content[:4] == content[-4:] == b"PAR1"


@pytest.mark.parametrize("half", ["backend", "frontend"])
def test_nobody_in_particular_runs_it_and_nothing_can_be_written(half, request):
    container = request.getfixturevalue(half)
    write = "import os, sys\nfor p in {places}:\n  try: open(os.path.join(p, 'x'), 'w')\n  except OSError: print(p)"
    places = ["/", "/tmp", "/opt/app", "/opt/venv/bin", "/var/tmp", "/etc"]

    assert container.python("import os; print(os.getuid(), os.getgid())") == "10001 10001"
    assert container.python(write.format(places=places)).split() == places
    assert "CapEff:\t0000000000000000" in container.python("print(open('/proc/1/status').read())")
    assert "python" in container.python("print(open('/proc/1/comm').read())")  # no shell in between: signals arrive
    assert inspect(IMAGES[half])["Config"]["User"] == "10001:10001"


@pytest.mark.parametrize("half", ["backend", "frontend"])
def test_an_image_holds_no_tools_and_nothing_of_the_other_half(half, request):
    container = request.getfixturevalue(half)
    tools = ["cc", "gcc", "c++", "g++", "ld", "make", "pip", "pip3", "uv", "git", "curl", "wget"]
    packages = [*OTHER_HALF[half], "pip", "setuptools", "hatchling"]

    found = container.python(
        "import importlib.util, shutil\n"
        f"print([t for t in {tools} if shutil.which(t)] + [p for p in {packages} if importlib.util.find_spec(p)])"
    )

    assert found == "[]"


# Copyleft, as files inside wheels: x264 and x265 come with PyAV, libheif with pi-heif.
LICENCES = {
    "backend": "Apache-2.0 AND LGPL-3.0-or-later",
    "frontend": "Apache-2.0 AND LGPL-3.0-or-later AND GPL-2.0-or-later",
}


@pytest.mark.parametrize(("half", "copyleft"), [("backend", {"heif"}), ("frontend", {"heif", "x264", "x265"})])
def test_an_images_licences_are_those_of_what_is_in_it(half, copyleft, request):
    libraries = request.getfixturevalue(half).python(
        "import pathlib; print(*(p.name for p in pathlib.Path('/opt/venv').rglob('*.so*')))"
    )

    assert {name for name in ("heif", "x264", "x265") if f"lib{name}-" in libraries} == copyleft


@pytest.mark.parametrize(
    ("half", "bundled"), [("backend", {"libheif"}), ("frontend", {"libheif", "libx264", "libx265"})]
)
def test_an_image_has_a_bill_of_all_that_is_in_it(half, bundled, request):
    container = request.getfixturevalue(half)
    bill = json.loads(container.python("print(open('/usr/share/doc/sightserve/sbom.cdx.json').read())"))
    script = (
        "import json, sys; from importlib.metadata import distributions as found;"
        " paths = [path for path in sys.path if path.startswith('/opt/venv')];"
        " print(json.dumps([[each.metadata['Name'], each.version] for each in found(path=paths)]))"
    )
    installed = json.loads(container.python(script))

    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", f"sightserve-{half}")
    listed = {(component["name"].lower(), component.get("version")) for component in bill["components"]}
    assert installed
    assert {(name.lower(), version) for name, version in installed} <= listed
    assert bundled <= {name for name, _ in listed}
    assert any(component["bom-ref"].startswith("pkg:deb/debian/libc6@") for component in bill["components"])


@pytest.mark.parametrize("half", ["backend", "frontend"])
def test_an_image_says_what_it_is_and_keeps_no_secret_of_its_builder(images, half):
    config = inspect(images[half])

    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["title"] == f"Sightserve {half}"
    assert labels["licenses"] == LICENCES[half]
    assert labels["version"] == sightserve.__version__
    assert f"SIGHTSERVE_VERSION={sightserve.__version__}" in config["Config"]["Env"]
    assert labels["revision"] == images["revision"]
    assert config["Config"]["StopSignal"] == "SIGTERM"
    for word in ("PIP_", "CERT", "PROXY", "index-url", "/root"):
        assert word not in json.dumps([config["Config"], config["History"]])


@pytest.mark.parametrize("half", ["backend", "frontend"])
def test_an_image_knows_whether_it_is_healthy(half, request):
    """Also where Docker hands a proxy on to its containers, which does not know their own addresses."""
    assert request.getfixturevalue(half).is_healthy()

    with running_container(half, HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9") as container:
        wait_until_ready(half, container)
        assert container.is_healthy()
    idle = ("--entrypoint", "python")
    with running_container(half, "-c", "import time; time.sleep(60)", flags=idle) as container:
        assert not container.is_healthy()


@pytest.mark.parametrize("half", ["backend", "frontend"])
def test_an_end_is_soon_and_orderly(images, half):
    with running_container(half) as container:
        wait_until_ready(half, container)

        seconds, code = container.stop(seconds=12)

    assert code == 0
    assert seconds < 10


def test_what_was_accepted_is_answered_before_the_end(images, espresso):
    answers: list[object] = []

    def keep_asking() -> None:
        while True:
            try:
                answers.append(ask(container.url, espresso)["prediction"])
            except urllib.error.HTTPError as exc:
                answers.append(exc.code)
            except OSError as exc:
                if not isinstance(getattr(exc, "reason", None), ConnectionRefusedError):
                    answers.append(exc)
                return

    with running_container("backend") as container:
        wait_until_ready("backend", container)
        threads = [threading.Thread(target=keep_asking) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1.0)

        _, code = container.stop(seconds=12)

        for thread in threads:
            thread.join()
    assert code == 0
    assert set(answers) == {"espresso"}


def test_a_quota_decides_how_much_is_done_at_once(images):
    with running_container("backend", flags=("--cpus", "1", "--memory", "512m")) as container:
        wait_until_ready("backend", container)

        (served,) = [line for line in map(json.loads, container.logs().splitlines()) if "slots" in line]

    assert served["slots"] == 1
