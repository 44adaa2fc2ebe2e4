"""The scheduler on machines with more cores than this one: its slots sleep for as long as a photo takes, instead of computing.

    python -m bench.width

What is measured is what the one process has to do: admission, order, memory, hand-over and answer, without HTTP (for which
`bench.run --cases closed` has the column "of it event loop"). Nothing here competes for cores but the event loop itself.
"""

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import quantiles

from sightserve.backend.errors import BackendError, NeedsMemory, Overloaded
from sightserve.backend.scheduler import Limits, Scheduler

SERVICE = 0.008  # seconds for a photo, decoded and inferred
LARGE = 0.3  # seconds for one of 12 megapixels as HEIC
LARGE_PIXELS = 24_400_000
PATIENCE = 2.0
MOST_OFFERED = 4_000  # requests a second: more than HTTP leaves of an event loop


class Sleeper:
    """A worker that sleeps; a job is how many pixels it needs."""

    def attach(
        self,
        ready: Callable[[], None],
        done: Callable[[Sequence[bool | Exception]], None],
        _lost: Callable[[Exception], None],
    ) -> None:
        """See `scheduler.worker.Worker`."""
        self._done = done
        ready()

    def send(self, jobs: Sequence[int], _waited: Sequence[float], *, alone: bool, room: int) -> None:
        """Answer after the time that they take."""
        seconds = sum(0 if job > room else LARGE if job else SERVICE for job in jobs)
        outcomes = [NeedsMemory(job) if job > room else True for job in jobs]
        asyncio.get_running_loop().call_later(seconds, self._done, outcomes)

    def kill(self) -> None:
        """Nothing to end."""

    def close(self) -> None:
        """Nothing to end."""

    def wait(self, _seconds: float) -> None:
        """Nothing to end."""


def scheduler_of(slots: int, batch: int, max_pixels: int) -> Scheduler[int, bool]:
    """Return one whose slots sleep."""
    limits = Limits(slots, batch=batch, max_pixels=max_pixels)
    return Scheduler([Sleeper() for _ in range(slots)], Sleeper, limits, service=SERVICE)


async def ask(scheduler: Scheduler[int, bool], pixels: int = 0) -> float:
    """Send one photo and return the seconds until its answer."""
    began = time.perf_counter()
    ticket = scheduler.reserve(100_000, PATIENCE)
    scheduler.grow(ticket, 100_000)
    await scheduler.submit(ticket, pixels)
    return time.perf_counter() - began


async def closed(slots: int, seconds: float) -> tuple[float, float]:
    """Keep twice as many clients busy as there are slots; return answers a second, and loop seconds for each."""
    scheduler = scheduler_of(slots, 1, 10**9)
    scheduler.start()
    end, answers = time.perf_counter() + seconds, 0

    async def client() -> None:
        nonlocal answers
        while time.perf_counter() < end:
            await ask(scheduler)
            answers += 1

    used = time.process_time()
    await asyncio.gather(*(client() for _ in range(2 * slots)))
    used = time.process_time() - used
    await scheduler.close()
    return answers / seconds, used / answers


async def overloaded(slots: int, times: float, seconds: float) -> tuple[Counter[str], float]:
    """Offer so many times what the slots can do, as far as HTTP could bring it; return outcomes, and the answers' p99."""
    scheduler = scheduler_of(slots, 8, 10**9)
    scheduler.start()
    outcomes: Counter[str] = Counter()
    latencies: list[float] = []

    async def one() -> None:
        try:
            latencies.append(await ask(scheduler))
            outcomes["answered"] += 1
        except Overloaded:
            outcomes["refused"] += 1
        except BackendError:
            outcomes["expired"] += 1

    dice, began, following = random.Random(1), time.perf_counter(), 0.0
    tasks: set[asyncio.Task[None]] = set()
    while following < seconds:
        following += dice.expovariate(min(times * slots / SERVICE, MOST_OFFERED))
        if (early := following - (time.perf_counter() - began)) > 0:
            await asyncio.sleep(early)
        tasks.add(task := asyncio.create_task(one()))
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    await scheduler.close()
    return outcomes, quantiles(latencies, n=100)[-1]


async def mixed(slots: int, max_pixels: int, seconds: float) -> tuple[float, float, int]:
    """Have a client a slot send large photos, and one small ones; return median latencies of both, and large answers."""
    scheduler = scheduler_of(slots + 1, 1, max_pixels)
    scheduler.start()
    end = time.perf_counter() + seconds

    async def client(pixels: int) -> list[float]:
        found = []
        while time.perf_counter() < end:
            found.append(await ask(scheduler, pixels))
        return found

    *large, small = await asyncio.gather(*(client(LARGE_PIXELS) for _ in range(slots)), client(0))
    await scheduler.close()
    latencies = sorted(latency for client_of in large for latency in client_of)
    return latencies[len(latencies) // 2], sorted(small)[len(small) // 2], len(latencies)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, nargs="+", default=[2, 8, 16, 64])
    parser.add_argument("--seconds", type=float, default=4.0)
    asked = parser.parse_args()
    print("slots  answers/s  of ideal  loop us/answer | 5x: answered  refused  expired  p99 ms | HEIC ms  beside it ms")
    for slots in asked.slots:
        rate, cost = asyncio.run(closed(slots, asked.seconds))
        outcomes, p99 = asyncio.run(overloaded(slots, 5.0, asked.seconds))
        large, small, _ = asyncio.run(mixed(slots, slots * 2 * LARGE_PIXELS, asked.seconds))
        print(
            f"{slots:>5} {rate:>10.0f} {rate * SERVICE / slots:>9.0%} {cost * 1e6:>15.0f} |"
            f" {outcomes['answered']:>12} {outcomes['refused']:>8} {outcomes['expired']:>8} {p99 * 1000:>7.0f} |"
            f" {large * 1000:>7.0f} {small * 1000:>13.0f}"
        )


if __name__ == "__main__":
    main()
