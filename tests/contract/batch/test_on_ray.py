"""`sightserve batch --ray` on a real cluster of two nodes, and what comes in between there."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import archive
from tests.processes import clean_environment, free_port

from sightserve.backend.build import load
from sightserve.backend.settings import Settings
from sightserve.batch import cluster as joining
from sightserve.batch import dispatch
from sightserve.batch.engines import output_of, terms_of
from sightserve.batch.errors import BatchError
from sightserve.batch.job import open_job
from sightserve.batch.on_ray import OnRay
from sightserve.batch.run import run
from sightserve.batch.sources.opening import open_source
from sightserve.batch.store import open_store

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray leaves files and sockets open
COUNT = 300
ROWS = 25


def batch(*words: str | Path, code: int = 0, **environment: str) -> str:
    command = [sys.executable, "-m", "sightserve", "batch", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=clean_environment(**environment)
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*"))}


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """An archive, and its shards as the slots of this machine write them."""
    folder = tmp_path_factory.mktemp("ray")
    archive.make(folder / "in", COUNT)
    batch(folder / "in", folder / "out", "--shard-rows", str(ROWS))
    return folder / "in", shards(folder / "out")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without a CPU, and two nodes of one each."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = cluster_utils.Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 * 2**20},
    )
    made.workers = [made.add_node(num_cpus=1, object_store_memory=80 * 2**20) for _ in range(2)]
    try:
        yield made
    finally:
        made.shutdown()


class Going:
    """A job on a cluster, in a process of its own."""

    def __init__(self, source: Path, out: Path, address: str, *words: str) -> None:
        command = [sys.executable, "-m", "sightserve", "batch", str(source), str(out), "--ray", address]
        command += ["--shard-rows", str(ROWS), *words]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean_environment()
        )
        self.out = out

    def has(self, count: int) -> bool:
        assert self.process.poll() is None, self.end(None)
        return len(shards(self.out)) >= count

    def end(self, code: int | None = 0) -> str:
        said = self.process.communicate(timeout=120)[0]
        assert code is None or self.process.returncode == code, said
        assert "Traceback" not in said
        return said


def children(words: str) -> list[int]:
    """Processes of this machine whose command line has these words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if words in line and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def test_a_cluster_writes_the_same_bytes_whatever_it_loses(cluster, photos, tmp_path):
    """A worker is killed, then a node goes with all that it has; its place is taken by another."""
    source, expected = photos
    going = Going(source, tmp_path / "out", cluster.address)

    wait_for(lambda: going.has(1))
    os.kill(wait_for(lambda: children("ray::work"))[0], signal.SIGKILL)
    wait_for(lambda: going.has(4))
    cluster.remove_node(cluster.workers[0], allow_graceful=False)
    cluster.add_node(num_cpus=1)

    assert f"complete: {COUNT} of {COUNT} photos" in going.end()
    assert shards(tmp_path / "out") == expected


def test_a_full_object_store_is_in_nobodys_way(cluster, photos, tmp_path):
    source, expected = photos
    ray.init(address=cluster.address, log_to_driver=False)
    held = [ray.put(np.ones(2**20, np.float64)) for _ in range(12)]  # 96 MiB in a store of 80

    going = Going(source, tmp_path / "out", cluster.address)
    said = going.end()
    ray.shutdown()

    assert held
    assert f"complete: {COUNT} of {COUNT} photos" in said
    assert shards(tmp_path / "out") == expected


class _Elsewhere:
    """OUT on a disk that this process alone has: the address says another place to everybody else."""

    def __init__(self, store: Any, address: str) -> None:
        self.names, self.read, self.write = store.names, store.read, store.write
        self.address = address


def engine_run(source_address: Path, store: Any, address: str, say: Callable[[str], None]) -> None:
    """Run a job with a store of the test's own."""
    settings = Settings(threads_when_alone=1)
    bundle = load(settings)
    source = open_source(str(source_address))
    terms = terms_of(
        bundle, settings, source=source.address, top_k=5, shard_rows=ROWS, form="parquet", every_file=False
    )
    job = open_job(store, terms, "")
    engine = OnRay(address, bundle, settings, output_of(terms), store, readers=4, check=source.check, say=say)
    try:
        run(job, source, engine, threading.Event(), lambda _standing: None, name="ray", retry_errors=False)
    finally:
        engine.close()


def test_a_cluster_that_is_busy_is_waited_for_with_a_word(cluster, photos, tmp_path, monkeypatch):
    source, expected = photos
    monkeypatch.setattr(dispatch, "_SILENCE", 2.0)
    # another program, which has all CPUs until it is told to end
    hold = (
        "import ray, sys; ray.init(address=sys.argv[1]); actor = ray.remote(num_cpus=1)(type('Busy', (), {}));"
        "held = [actor.remote() for _ in range(2)]; ray.get([one.__ray_ready__.remote() for one in held]);"
        "print('holds', flush=True); sys.stdin.read()"
    )
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    holder = subprocess.Popen([sys.executable, "-c", hold, cluster.address], **pipes)
    assert holder.stdout
    assert "holds" in holder.stdout.readline()
    said: list[str] = []

    def hear(words: str) -> None:
        said.append(words)
        if len(said) == 2:
            holder.communicate("")

    engine_run(source, open_store(str(tmp_path / "out")), cluster.address, hear)

    assert len(said) == 2
    assert re.search(r"has [23] CPUs, 0 of them free", said[0])  # a node that was lost is counted for a while
    assert holder.returncode == 0
    assert shards(tmp_path / "out") == expected


def test_answers_come_back_where_nodes_do_not_reach_out(cluster, photos, tmp_path):
    """What nodes see there is the same job as it was on another day: none of its shards may be taken for ours."""
    source, expected = photos
    said: list[str] = []
    (tmp_path / "theirs" / "_job").mkdir(parents=True)
    (tmp_path / "theirs" / "_job" / "cluster").write_text("another run's")

    engine_run(
        source, _Elsewhere(open_store(str(tmp_path / "out")), str(tmp_path / "theirs")), cluster.address, said.append
    )

    assert shards(tmp_path / "out") == expected
    assert not shards(tmp_path / "theirs")
    assert len(said) == 1
    assert "does not reach" in said[0]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="a node that sees another /tmp needs root")
def test_photos_that_nodes_do_not_see_end_the_job_with_words(photos, tmp_path, monkeypatch):
    """The node sees an empty folder where the photos are; it is the head too, and asks for a token."""
    source, _ = photos
    port = free_port()
    start = f"mount -t tmpfs none {source} && exec ray start --head --port={port} --num-cpus=1 --block"
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "of-this-test-only-" + "0" * 32}
    environment = clean_environment(
        RAY_USAGE_STATS_ENABLED="0", PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", **token
    )
    node = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", f"{start} --include-dashboard=false --temp-dir=/tmp/ray-{port}"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for((Path(f"/tmp/ray-{port}") / "session_latest" / "sockets" / "raylet").exists)
        words = (source, tmp_path / "out", "--shard-rows", str(ROWS), "--ray", f"127.0.0.1:{port}")
        said = batch(*words, code=1, **token)
        monkeypatch.setattr(joining, "_ANSWER", 8.0)
        with pytest.raises(BatchError, match="it asks for a token"):
            joining.Cluster(f"127.0.0.1:{port}", cpus=1, store=0)
    finally:
        node.terminate()
        node.wait(30)
        shutil.rmtree(f"/tmp/ray-{port}", ignore_errors=True)

    assert "a node of the cluster, cannot read" in said
    assert not shards(tmp_path / "out")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_local_cluster_ends_with_us_and_the_job_goes_on(photos, tmp_path, number):
    source, expected = photos
    going = Going(source, tmp_path / "out", "local")
    wait_for(lambda: going.has(2))
    folder = next(iter(Path("/tmp").glob(f"sightserve-ray-*/session_*_{going.process.pid}"))).parent

    going.process.send_signal(number)
    said = going.end(None)

    assert going.process.returncode == (-9 if number == signal.SIGKILL else 130), said
    wait_for(lambda: not children(str(folder)), 30)
    assert folder.exists() == (number == signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    batch(source, tmp_path / "out", "--shard-rows", str(ROWS))
    assert shards(tmp_path / "out") == expected


def test_what_cannot_be_joined_is_said_at_once(photos, tmp_path):
    source, _ = photos
    began = time.monotonic()

    assert "nobody answers at" in batch(source, tmp_path, "--ray", f"127.0.0.1:{free_port()}", code=1)
    assert "--ray takes local, auto, HOST:6379" in batch(source, tmp_path, "--ray", "nonsense", code=1)

    assert time.monotonic() - began < 15


def test_what_is_no_cluster_is_given_up(monkeypatch):
    monkeypatch.setattr(joining, "_ANSWER", 5.0)

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(BatchError, match="does not answer as a Ray"):
        joining.Cluster(f"127.0.0.1:{silent.getsockname()[1]}", cpus=1, store=0)


def test_nothing_imports_ray_unasked():
    words = "import sys, sightserve.batch.on_ray, sightserve.batch.run; sys.exit('ray' in sys.modules)"

    subprocess.run([sys.executable, "-c", words], check=True)
