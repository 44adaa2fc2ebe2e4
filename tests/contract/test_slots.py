"""The slots of a real server: large photos side by side, one that hangs, one that dies, and what they start from."""

import asyncio
import io
import os
import shutil
import signal
import time
from collections import Counter

import httpx2
import pillow_heif
import pytest
from PIL import Image
from tests.metrics import metric
from tests.models import write_bundle
from tests.processes import RunningBackend, running_backend
from tests.slots import cpu_seconds, slots, wait_for_slots

from sightserve.bundle.manifest import default_bundle_path

pytestmark = pytest.mark.slow  # each starts a server, many of them wide ones

PATIENT = {"SIGHTSERVE_DEADLINE_MS": "60000"}
SMALL_MEMORY = {"SIGHTSERVE_MAX_PIXELS_IN_FLIGHT": "60000000"}  # a photo of 12 megapixels takes 29 of them


@pytest.fixture(scope="module")
def heic() -> bytes:
    """A phone's photo: 12 megapixels."""
    buffer = io.BytesIO()
    image = Image.effect_noise((252, 189), 60).resize((4032, 3024)).convert("RGB")
    pillow_heif.from_pillow(image).save(buffer, quality=50)
    return buffer.getvalue()


def post_all(url: str, photos: list[bytes]) -> Counter[int]:
    """Send photos at once and return how often which status was answered."""

    async def run() -> Counter[int]:
        async with httpx2.AsyncClient(timeout=60, limits=httpx2.Limits(max_connections=len(photos))) as client:
            answers = await asyncio.gather(*(client.post(f"{url}/predict", content=photo) for photo in photos))
            return Counter(answer.status_code for answer in answers)

    return asyncio.run(run())


def ready_slots(backend: RunningBackend, count: int) -> list[int]:
    """Wait until so many slots can work."""
    while metric(backend.url, "sightserve_slots") < count:
        time.sleep(0.02)
    return slots(backend.process.pid)


def test_as_many_large_photos_are_decoded_at_once_as_there_are_clients(tmp_path, heic):
    """Four slots work, each with its share of the CPUs, while four clients send photos of 12 megapixels."""
    with running_backend(tmp_path / "log", "--cpus", "4", **PATIENT) as backend:
        ready_slots(backend, 4)
        post_all(backend.url, [heic] * 4)  # the first of each loads the decoder
        pids = ready_slots(backend, 5)  # with the first large photo one more starts: which four work is all the same
        before = {pid: cpu_seconds(pid) for pid in pids}
        assert post_all(backend.url, [heic] * 4) == {200: 4}
        used = [cpu_seconds(pid) - before[pid] for pid in pids]

    assert sorted(used)[1] > max(used) / 3, used


def test_large_photos_take_turns_where_there_is_no_memory_for_two(tmp_path, heic, espresso):
    with running_backend(tmp_path / "log", "--cpus", "3", **PATIENT, **SMALL_MEMORY) as backend:
        ready_slots(backend, 3)
        assert post_all(backend.url, [heic, espresso] * 4) == {200: 8}


def test_a_decoder_that_hangs_costs_its_own_request_and_no_other(tmp_path, heic, espresso):
    """It holds the memory that all large photos share, and is asleep: the others, large and small, are answered meanwhile."""
    hang = {"SIGHTSERVE_HANG_TIMEOUT": "5", "SIGHTSERVE_MAX_PIXELS_IN_FLIGHT": "100000000"}
    with running_backend(tmp_path / "log", "--cpus", "3", **PATIENT, **hang) as backend:
        pids = ready_slots(backend, 3)
        post_all(backend.url, [heic] * 3)
        before = {pid: cpu_seconds(pid) for pid in pids}

        async def scenario() -> tuple[int, Counter[int], bool]:
            async with httpx2.AsyncClient(timeout=60) as client:
                victim = asyncio.create_task(client.post(f"{backend.url}/predict", content=heic))
                while not (busy := [pid for pid in pids if cpu_seconds(pid) > before[pid]]):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                os.kill(busy[0], signal.SIGSTOP)
                others = [client.post(f"{backend.url}/predict", content=photo) for photo in [heic, espresso] * 3]
                answers = Counter(answer.status_code for answer in await asyncio.gather(*others))
                before_the_end = not victim.done()
                return (await victim).status_code, answers, before_the_end

        hung, others, before_the_end = asyncio.run(scenario())
        lost = metric(backend.url, "sightserve_lost_slots_total")

    assert (hung, others) == (500, {200: 6})
    assert before_the_end
    assert lost == 1


@pytest.mark.parametrize("cpus", [1, 2])
def test_large_photos_hold_up_no_small_one_even_where_one_decodes_in_every_slot(tmp_path, heic, espresso, cpus):
    """They stand still, so that only a slot that they never take can answer."""
    with running_backend(tmp_path / "log", "--cpus", str(cpus), **PATIENT) as backend:
        pids = ready_slots(backend, cpus)
        post_all(backend.url, [heic])
        pids = ready_slots(backend, cpus + 1)
        before = {pid: cpu_seconds(pid) for pid in pids}

        async def scenario() -> tuple[list[int], Counter[int]]:
            async with httpx2.AsyncClient(timeout=60) as client:
                large = [
                    asyncio.create_task(client.post(f"{backend.url}/predict", content=heic)) for _ in range(cpus + 1)
                ]
                while len(busy := [pid for pid in pids if cpu_seconds(pid) > before[pid] + 0.05]) < cpus:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                for pid in busy:
                    os.kill(pid, signal.SIGSTOP)
                small = [(await client.post(f"{backend.url}/predict", content=espresso)).status_code for _ in range(5)]
                assert not any(task.done() for task in large)
                for pid in busy:
                    os.kill(pid, signal.SIGCONT)
                return small, Counter(answer.status_code for answer in await asyncio.gather(*large))

        small, large = asyncio.run(scenario())

    assert small == [200] * 5
    assert large == {200: cpus + 1}


def test_a_slot_starts_from_the_bytes_that_were_verified_whatever_lies_in_the_models_directory_now(tmp_path, espresso):
    directory = tmp_path / "model"
    shutil.copytree(default_bundle_path(), directory)
    with running_backend(tmp_path / "log", "--cpus", "1", "--model", str(directory)) as backend:
        (first,) = slots(backend.process.pid)
        shutil.rmtree(directory)
        write_bundle(directory)

        os.kill(first, signal.SIGKILL)
        wait_for_slots(backend.process.pid, 1, without=frozenset({first}))
        ready_slots(backend, 1)
        answer = httpx2.post(f"{backend.url}/predict", content=espresso)

    assert answer.json()["prediction"] == "espresso"


def test_without_a_slot_it_lives_and_is_not_ready(tmp_path):
    with running_backend(tmp_path / "log", "--cpus", "1") as backend, httpx2.Client(base_url=backend.url) as client:
        (slot,) = slots(backend.process.pid)
        os.kill(slot, signal.SIGKILL)
        seen: list[tuple[int, int]] = []
        while (200, 503) not in seen or seen[-1] != (200, 200):
            seen.append((client.get("/health/live").status_code, client.get("/health/ready").status_code))

    assert (200, 503) in seen
    assert {live for live, _ready in seen} == {200}


def test_a_slot_that_hangs_while_it_starts_is_replaced(tmp_path, espresso):
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_START_TIMEOUT="6") as backend:
        (first,) = slots(backend.process.pid)
        os.kill(first, signal.SIGKILL)
        (second,) = wait_for_slots(backend.process.pid, 1, without=frozenset({first}))
        os.kill(second, signal.SIGSTOP)
        assert httpx2.get(f"{backend.url}/health/ready").status_code == 503

        wait_for_slots(backend.process.pid, 1, without=frozenset({first, second}))
        ready_slots(backend, 1)
        answer = httpx2.post(f"{backend.url}/predict", content=espresso)

    assert answer.status_code == 200


def test_a_model_with_weights_beside_its_graph_is_served(tmp_path, espresso):
    with running_backend(tmp_path / "log", "--cpus", "2", "--model", str(write_bundle(tmp_path / "model"))) as backend:
        ready_slots(backend, 2)
        answers = [httpx2.post(f"{backend.url}/predict?top_k=1", content=espresso).json() for _ in range(4)]
        size = httpx2.get(f"{backend.url}/model").json()["size_bytes"]

    assert {answer["prediction"] for answer in answers} == {"last"}
    assert size == sum((tmp_path / "model" / name).stat().st_size for name in ("model.onnx", "weights.bin"))


def test_more_slots_than_cores_answer_all(tmp_path, espresso, cat):
    with running_backend(tmp_path / "log", "--cpus", "8", **PATIENT) as backend:
        ready_slots(backend, 8)

        assert post_all(backend.url, [espresso, cat] * 60) == {200: 120}
        assert metric(backend.url, "sightserve_requests_in_flight") == 0
