"""Each part of the installation alone, in an environment of its own, made as its user would make it."""

import json
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import onnx_models
from tests.conftest import ROOT, SAMPLES
from tests.fakes.collector import collecting, environment
from tests.processes import clean_environment, free_port, wait_for

import sightserve
from sightserve.frontend.host.fonts import fonts as fonts_of_the_web_app

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# What must not come along, by extra.
FOREIGN = {
    "": ["onnxruntime", "fastapi", "streamlit", "pandas", "PIL", "numpy", "google.auth", "grpc"],
    "backend": ["streamlit", "pandas", "pyarrow", "google.auth", "opentelemetry.sdk", "requests"],
    "backend,batch": ["streamlit", "pandas", "ray", "s3fs", "aiohttp"],
    "backend,model": ["streamlit", "pandas", "torch", "tensorflow", "keras", "timm", "transformers", "huggingface_hub"],
    "backend,otel": ["streamlit", "pandas", "pyarrow", "google.auth"],
    "frontend": ["onnxruntime", "fastapi", "google.auth"],
    "loadtest": ["onnxruntime", "fastapi", "streamlit", "pandas", "pydantic_settings"],
    "video": ["onnxruntime", "fastapi", "streamlit", "pandas"],
}
WITH_PIP = ("backend",)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source distribution, and the wheel that is built from nothing but that."""
    folder = tmp_path_factory.mktemp("dist")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "--quiet", "--out-dir", folder, ROOT], check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    return next(built.glob("*.whl"))


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that installs the wheel with an extra and gives the environment's Python."""

    def install(extra: str) -> Path:
        python = tmp_path / "venv" / "bin" / "python"
        what = f"{wheel}[{extra}]" if extra else str(wheel)
        if extra in WITH_PIP:
            subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
            subprocess.run([str(python), "-m", "pip", "-q", "install", what], check=True)
        else:  # as many do it, and in a fifth of the time
            uv = str(Path(sys.executable).with_name("uv"))
            subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(tmp_path / "venv")], check=True)
            subprocess.run([uv, "pip", "install", "-q", "--python", str(python), what], check=True)
        for package in FOREIGN[extra]:
            found = subprocess.run([str(python), "-c", f"import {package}"], capture_output=True, check=False)
            assert found.returncode != 0, f"{package} came along with {extra or 'the base install'}"
        return python

    return install


def run(python: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [str(python.parent / "sightserve"), *words]
    # from a folder of its own, so that nothing of the repository can be imported
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=python.parent,
        env=clean_environment(**more),
        timeout=60,
    )


def test_a_release_is_a_wheel_and_a_source_distribution_of_this_version(built):
    assert sorted(path.name for path in built.iterdir() if not path.name.startswith(".")) == [
        f"sightserve-{sightserve.__version__}-py3-none-any.whl",
        f"sightserve-{sightserve.__version__}.tar.gz",
    ]
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert {"sightserve/bundle/default/model.onnx", "sightserve/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    fonts = {name.rpartition("/")[2] for name in names if name.startswith("sightserve/frontend/fonts/")}
    assert {font.path.name for font in fonts_of_the_web_app().values()} | {"OFL.txt", "README.md"} <= fonts
    assert not [name for name in names if name.startswith(("tests/", "bench/", "tools/"))]


def test_the_base_install_classifies_through_a_backend_and_names_what_else_needs_an_extra(installed, backend_url):
    python = installed("")

    remote = run(python, "classify", "--json", "--backend", backend_url, str(SAMPLES / "espresso.jpg"))
    local = run(python, "classify", str(SAMPLES / "espresso.jpg"))
    serve = run(python, "serve")
    ui = run(python, "ui")
    video = run(python, "video", str(SAMPLES / "tour.mp4"))
    loadtest = run(python, "loadtest", "--backend", backend_url)
    figures = [
        f"--{flag}={ROOT / 'docs' / 'load' / name}"
        for flag, name in (("from", "api-ramp.json"), ("web-from", "web-app-ramp.json"))
    ]
    capacity = run(python, "capacity", *figures, "--visitors", "50")  # a calculation, which needs none

    assert json.loads(remote.stdout)["prediction"] == "espresso"
    assert "sightserve deploy cloud-run" in capacity.stdout
    missing = (
        (local, "backend"),
        (serve, "backend"),
        (ui, "frontend"),
        (video, "video"),
        (loadtest, "loadtest"),
    )
    for refused, extra in missing:
        assert refused.returncode == 2
        assert f"pip install '.[{extra}]'" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_the_backend_extra_alone_serves(installed, tmp_path, espresso):
    python = installed("backend")
    port = free_port()
    log = tmp_path / "log"

    with log.open("wb") as output:
        command = [str(python.parent / "sightserve"), "serve", "--port", str(port)]
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=tmp_path, env=clean_environment())
    try:
        wait_for(f"http://127.0.0.1:{port}/health/ready", process, log)
        request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", espresso, {"Content-Type": "image/jpeg"})
        with urllib.request.urlopen(request) as response:
            assert json.load(response)["prediction"] == "espresso"
    finally:
        process.terminate()
        process.wait(timeout=15)

    assert (
        json.loads(run(python, "classify", "--json", str(SAMPLES / "espresso.jpg")).stdout)["prediction"] == "espresso"
    )


def test_the_model_extra_beside_the_backend_adds_a_model_of_ones_own(installed, tmp_path):
    python = installed("backend,model")
    source = onnx_models.save(onnx_models.ultralytics(["cat", "dog"], 32), tmp_path / "pets.onnx")
    models = str(tmp_path / "models")

    added = run(python, "model", "add", str(source), SIGHTSERVE_MODELS_DIR=models)
    answer = run(
        python, "classify", "--json", "--model", "pets", str(SAMPLES / "cat.jpg"), SIGHTSERVE_MODELS_DIR=models
    )
    torch = run(python, "model", "add", "timm:resnet18", SIGHTSERVE_MODELS_DIR=models)

    assert added.returncode == 0, added.stderr
    assert json.loads(answer.stdout)["prediction"] in {"cat", "dog"}
    assert torch.returncode == 1
    assert "pip install" in torch.stderr
    assert "torch" in torch.stderr


def test_the_batch_extra_beside_the_backend_does_a_folder_and_names_what_else_needs_an_extra(installed, tmp_path):
    python = installed("backend,batch")

    done = run(python, "batch", str(SAMPLES), str(tmp_path / "out"))
    told = run(python, "batch", "--summary", "--json", str(tmp_path / "out"))
    bucket = run(python, "batch", "s3://bucket/photos", str(tmp_path / "other"))
    cluster = run(python, "batch", str(SAMPLES), str(tmp_path / "other"), "--ray", "local")

    assert done.returncode == 0, done.stderr
    assert json.loads(told.stdout)["labels"]["espresso"] == 1
    assert "pip install '.[batch,s3]'" in bucket.stderr
    assert "pip install '.[batch,ray]'" in cluster.stderr


def test_the_otel_extra_beside_the_backend_traces(installed, tmp_path, espresso):
    python = installed("backend,otel")
    port = free_port()
    log = tmp_path / "log"

    with collecting() as collector:
        with log.open("wb") as output:
            command = [str(python.parent / "sightserve"), "serve", "--port", str(port)]
            traced = clean_environment(**environment(collector.url))
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=tmp_path, env=traced)
        try:
            wait_for(f"http://127.0.0.1:{port}/health/ready", process, log)
            headers = {"Content-Type": "image/jpeg", "X-Request-ID": "traced"}
            request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", espresso, headers)
            with urllib.request.urlopen(request) as response:
                assert json.load(response)["prediction"] == "espresso"
            _, steps = collector.of_request("traced")
        finally:
            process.terminate()
            process.wait(timeout=15)

    assert [step.name for step in steps] == ["upload", "queue", "decode", "inference"]


def test_the_video_extra_alone_labels_through_a_backend(installed, backend_url, tmp_path):
    python = installed("video")
    sample, out = str(SAMPLES / "tour.mp4"), tmp_path / "out.mp4"

    remote = run(python, "video", "--backend", backend_url, sample)
    written = run(python, "video", "--backend", backend_url, sample, "-o", str(out))
    local = run(python, "video", sample)

    assert "espresso" in remote.stdout
    assert written.returncode == 0, written.stderr
    assert out.stat().st_size > 100_000
    assert local.returncode == 2
    assert "pip install '.[backend]'" in local.stderr


def test_the_frontend_extra_alone_shows_the_page(installed, tmp_path, backend_url):
    python = installed("frontend")
    port = free_port()
    log = tmp_path / "log"
    # Streamlit's own harness runs the page's script, so that every import of the page is proved too
    harness = (
        "from streamlit.testing.v1 import AppTest; import sightserve.frontend, pathlib; "
        "app = pathlib.Path(sightserve.frontend.__file__).parent / 'app.py'; "
        "test = AppTest.from_file(str(app), default_timeout=30).run(); "
        "assert not test.exception, test.exception; print(test.title[0].value)"
    )

    with log.open("wb") as output:
        command = [str(python.parent / "sightserve"), "ui", "--port", str(port)]
        environment = clean_environment(BACKEND=backend_url)
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=tmp_path, env=environment)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        page = subprocess.run(
            [str(python), "-c", harness], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
    finally:
        process.terminate()
        process.wait(timeout=15)

    assert page.returncode == 0, page.stderr
    assert page.stdout.strip()


def test_the_loadtest_extra_alone_loads_the_api_and_names_what_the_web_app_needs(installed, backend_url, tmp_path):
    python, told = installed("loadtest"), str(tmp_path / "run.json")

    load = run(python, "loadtest", "--backend", backend_url, "--users", "3", "--run-time", "3s", "--api-every", "100ms",
               "--phone-photos", "0%", "--failures", "0%", "--json", told)  # fmt: skip
    capacity = run(python, "capacity", "--from", told, "--rps", "100", "--p99", "2s")
    visits = run(python, "loadtest", "--frontend", "http://127.0.0.1:9")

    assert load.returncode == 0, load.stdout + load.stderr
    assert capacity.returncode == 0, capacity.stderr
    assert "photos a second" in capacity.stdout
    assert visits.returncode == 2
    assert "pip install '.[frontend]'" in visits.stderr
