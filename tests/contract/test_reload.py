"""A model in the place of another while people ask: nobody is refused, and a model that does not work changes nothing."""

import io
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from tests.networks import COLOURS, LIGHT, network, write
from tests.processes import RunningBackend, running_backend
from tests.slots import slots, wait_for_slots

pytestmark = pytest.mark.slow  # starts servers

ADMIN = {"SIGHTSERVE_ADMIN": "1"}


@pytest.fixture(scope="module")
def red() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (250, 10, 10)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of added models: two that work, one that says NaN."""
    write(tmp_path / "models" / "colours", COLOURS)
    write(tmp_path / "models" / "light", LIGHT)
    write(tmp_path / "models" / "broken", model=network(ending="nan"))
    return tmp_path / "models"


@contextmanager
def serving(
    tmp_path: Path, model: Path | str, before: Sequence[str] = (), **environment: str
) -> Iterator[RunningBackend]:
    words = ("--model", str(model), "--cpus", "2")
    with running_backend(
        tmp_path / "log", *words, before=before, SIGHTSERVE_MODELS_DIR=str(tmp_path / "models"), **environment
    ) as made:
        yield made


def reload(url: str, model: str | None = None, **headers: str) -> httpx2.Response:
    return httpx2.post(
        f"{url}/admin/reload", json={} if model is None else {"model": model}, headers=headers, timeout=60
    )


def served(url: str) -> str:
    name: str = httpx2.get(f"{url}/model").json()["name"]
    return name


def wait_until(so: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.05)


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmRSS"))) / 1024


class Asking:
    """Threads that ask without a pause, and what they were answered."""

    def __init__(self, url: str, photo: bytes) -> None:
        self.wrong: list[str] = []
        self.labels: set[tuple[str, str]] = set()
        self.answers = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url, photo)) for _ in range(8)]
        for thread in self._threads:
            thread.start()

    def _ask(self, url: str, photo: bytes) -> None:
        with httpx2.Client(timeout=60) as client:
            while not self._stop.is_set():
                answer = client.post(f"{url}/predict", content=photo)
                self.answers += 1
                if answer.status_code != 200:
                    self.wrong.append(f"{answer.status_code} {answer.text}")
                else:
                    said = answer.json()
                    self.labels.add(
                        (said["model"]["name"], ",".join(sorted(entry["label"] for entry in said["top_k"])))
                    )

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_no_request_is_lost_while_two_models_take_turns(tmp_path, models, red):
    with serving(tmp_path, models / "colours", **ADMIN, SIGHTSERVE_DEADLINE_MS="20000") as backend:
        pid = backend.process.pid
        before = set(wait_for_slots(pid, 2))
        reload(backend.url, "light")
        reload(backend.url, "colours")  # what is loaded once is loaded now
        wait_until(lambda: len(slots(pid)) == 2)
        files, memory = descriptors(pid), resident_mb(pid)
        asking = Asking(backend.url, red)
        try:
            for turn in range(6):
                time.sleep(0.3)
                wanted = ("light", "colours")[turn % 2]
                answer = reload(backend.url, wanted)
                assert answer.status_code == 200, answer.text
                assert answer.json()["model"]["name"] == wanted == served(backend.url)
        finally:
            asking.end()
        wait_until(lambda: len(slots(pid)) == 2)  # the old ones have gone

        assert asking.wrong == []
        assert asking.answers > 50
        assert asking.labels == {("colours", "blue,green,red"), ("light", "bright,dark")}
        assert not before & set(slots(pid))
        wait_until(lambda: descriptors(pid) <= files + 10)  # connections that linger
        assert resident_mb(pid) < memory + 15
        metrics = httpx2.get(f"{backend.url}/metrics").text
        assert metrics.count("sightserve_model_info{") == 1
        assert 'name="colours"' in metrics
        assert httpx2.get(f"{backend.url}/health/ready").status_code == 200


def test_a_model_that_does_not_work_is_refused_and_the_old_one_serves_on(tmp_path, models, red):
    with serving(tmp_path, models / "colours", **ADMIN) as backend:
        pids = wait_for_slots(backend.process.pid, 2)
        files = descriptors(backend.process.pid)

        for _ in range(3):
            answer = reload(backend.url, "broken")

            assert answer.status_code == 409
            assert answer.json()["code"] == "reload_failed"
            assert "NaN" in answer.json()["detail"]
            assert httpx2.post(f"{backend.url}/predict", content=red).json()["prediction"] == "red"
        assert served(backend.url) == "colours"
        assert slots(backend.process.pid) == pids
        wait_until(lambda: descriptors(backend.process.pid) <= files + 2)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"model": "nobody"}', "application/json", 422),
        (b'{"model": "../colours"}', "application/json", 422),
        (b'{"model": "/etc"}', "application/json", 422),
        (b'{"model": ""}', "application/json", 422),
        (b'{"modle": "light"}', "application/json", 400),
        (b"[]", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b" " * 5000 + b"{}", "application/json", 413),
        (b"{}", "text/plain", 400),  # what a page of a stranger's may have a browser send
    ],
)
def test_what_names_no_model_is_refused(many, body, kind, status):
    answer = httpx2.post(f"{many.url}/admin/reload", content=body, headers={"Content-Type": kind})

    assert answer.status_code == status, answer.text
    assert served(many.url) == "colours"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBackend]:
    folder = tmp_path_factory.mktemp("many")
    with serving(folder, write(folder / "models" / "colours"), **ADMIN) as backend:
        yield backend


def test_where_the_settings_do_not_say_so_there_is_no_such_address(tmp_path, models):
    with serving(tmp_path, models / "colours") as backend:
        assert reload(backend.url, "light").status_code == 404


def test_where_there_are_keys_one_is_needed(tmp_path, models):
    with serving(tmp_path, models / "colours", **ADMIN, SIGHTSERVE_API_KEYS="a-key-of-many-letters") as backend:
        assert reload(backend.url, "light").status_code == 401
        assert reload(backend.url, "light", **{"X-API-Key": "a-key-of-many-letters"}).status_code == 200


def test_hangup_loads_what_is_in_the_folder_by_now(tmp_path, models, red):
    """Without a terminal: with one it still ends with it."""
    folder = shutil.copytree(models / "colours", tmp_path / "mine")
    with serving(tmp_path, folder, before=["setsid"]) as backend:
        pid = backend.process.pid
        shutil.rmtree(folder)
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: "serves on" in (tmp_path / "log").read_text())
        assert httpx2.post(f"{backend.url}/predict", content=red).json()["prediction"] == "red"

        shutil.copytree(models / "light", folder)
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: served(backend.url) == "light")
        assert httpx2.post(f"{backend.url}/predict", content=red).json()["prediction"] == "dark"


def test_a_watched_model_follows_its_manifest(tmp_path, models, red):
    link = tmp_path / "current"
    link.symlink_to(models / "colours")
    with serving(tmp_path, link, SIGHTSERVE_RELOAD="watch") as backend:
        fresh = tmp_path / "next"
        fresh.symlink_to(models / "broken")
        fresh.rename(link)  # as deployments do
        wait_until(lambda: "colours 1 serves on" in (tmp_path / "log").read_text())
        fresh.symlink_to(models / "light")
        fresh.rename(link)
        wait_until(lambda: served(backend.url) == "light")

        assert httpx2.post(f"{backend.url}/predict", content=red).json()["prediction"] == "dark"
