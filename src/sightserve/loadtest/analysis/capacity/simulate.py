"""A queueing simulation of one instance: random arrivals, measured service times, and the backend's own scheduler.

No simulation library: the decisions are `backend.scheduler.queue.Queue`, the very code that serves (first come, first
served, admission by deadline, expiry), which is told the time by its caller. What is left is a heap of events.
"""

import heapq
import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sightserve.backend.job import LARGEST_BATCH
from sightserve.backend.scheduler.limits import Limits
from sightserve.backend.scheduler.queue import Queue
from sightserve.backend.scheduler.ticket import Refusal, Start, Ticket
from sightserve.loadtest.record import percentile

# How many others are under way, as classes: alone, one more, ... Service takes longer beside others, who share caches,
# memory and, on one machine, the cores with the load generator.
_CLASSES: Final = (0, 1, 2, 3, 5, 9, 17)
_FEW: Final = 30  # samples, below which a class borrows its neighbour's
_LEARNED: Final = 0.012  # s: the scheduler's first guess; it learns the rest


@dataclass(frozen=True, slots=True)
class Times:
    """Measured times, by how many others were under way: (service, the rest) in seconds, drawn together.

    Attributes:
        pools: one for each class, none of them empty.
        overhead: seconds for which a slot is taken beyond decode and inference.
        slots: of the machine that was measured: so many at once is busy there.
    """

    pools: tuple[tuple[tuple[float, float], ...], ...]
    overhead: float = 0.0
    slots: int = 2

    @classmethod
    def from_samples(cls, samples: Sequence[Sequence[float]], *, slots: int, overhead: float = 0.0) -> "Times":
        """Return the times in a report's `samples` of one kind of photo, or of several together.

        Raises:
            ValueError: too few to say anything.
        """
        pools: list[list[tuple[float, float]]] = [[] for _ in _CLASSES]
        for beside, service, rest in samples:
            pools[bisect_right(_CLASSES, beside) - 1].append((service, rest))
        full = [number for number, pool in enumerate(pools) if len(pool) >= _FEW]
        if not full:
            raise ValueError(f"at least {_FEW} answers are needed, there are {len(samples)}: load it for longer")
        nearest = [min(full, key=lambda other: (abs(other - number), other)) for number in range(len(pools))]
        return cls(tuple(tuple(pools[number]) for number in nearest), overhead, slots)

    def draw(self, beside: int, slots: int, dice: random.Random) -> tuple[float, float]:
        """Return (service, rest) of one request that finds so many others on an instance with so many slots."""
        busy = math.ceil(beside * self.slots / slots)
        pool = self.pools[bisect_right(_CLASSES, busy) - 1]
        return pool[int(dice.random() * len(pool))]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a simulated instance did; seconds and shares. `concurrency` is how many were under way 999 times of 1,000."""

    p50: float
    p95: float
    p99: float
    refused: float
    expired: float
    concurrency: int
    busy: float

    def at(self, percent: int) -> float:
        """Return a percentile of the answers' latency by its number: 50, 95 or 99."""
        return {50: self.p50, 95: self.p95, 99: self.p99}[percent]


def simulate(
    times: Times,
    rps: float,
    *,
    slots: int,
    requests: int = 20_000,
    deadline: float = 2.0,
    seed: int = 1,
    batch: int = LARGEST_BATCH,
) -> Simulated:
    """Simulate one instance.

    Args:
        times: measured.
        rps: requests a second, a Poisson process.
        slots: photos that it works on at once.
        requests: how many; the first tenth only warms it up.
        deadline: seconds, the backend's SIGHTSERVE_DEADLINE_MS.
        seed: the same seed gives the same arrivals.
        batch: how many photos a slot works on together, at most.
    """
    dice = random.Random(seed)  # noqa: S311 - a simulation
    queue = Queue(Limits(slots=slots, batch=batch), _LEARNED)
    ends: list[tuple[float, int, list[Ticket]]] = []
    arrived: dict[Ticket, tuple[float, int]] = {}
    latencies: list[float] = []
    beside_all: list[int] = []
    refused = expired = number = 0
    work, now, following = 0.0, 0.0, dice.expovariate(rps)
    while number < requests or ends:
        if number < requests and (not ends or following <= ends[0][0]):
            now, number = following, number + 1
            following = now + dice.expovariate(rps)
            beside = queue.in_flight
            beside_all.append(beside)
            ticket = queue.reserve(0, deadline, now)
            refusal = ticket if isinstance(ticket, Refusal) else queue.arrive(ticket, now)
            if isinstance(ticket, Refusal) or refusal is not None:
                refused += 1
                continue
            arrived[ticket] = (now, beside)
        else:
            now, _, tickets = heapq.heappop(ends)
            queue.finish(tickets, now)
        while isinstance(decision := queue.next(now), Start):
            whole = 0.0  # of the batch: its answers come together
            rests = []
            for ticket in decision.tickets:
                since, beside = arrived.pop(ticket)
                service, rest = times.draw(beside, slots, dice)
                whole += service
                rests.append(rest - since)
            taken = whole + times.overhead * len(decision.tickets)
            work += taken
            heapq.heappush(ends, (now + taken, len(latencies), decision.tickets))
            latencies += [now + whole + rest for rest in rests]
        for late in queue.expired:
            arrived.pop(late)
            expired += 1
        queue.expired.clear()
    steady = sorted(latencies[len(latencies) // 10 :])
    nothing = math.inf
    return Simulated(
        percentile(steady, 50) or nothing,
        percentile(steady, 95) or nothing,
        percentile(steady, 99) or nothing,
        refused / requests,
        expired / requests,
        int(percentile(sorted(beside_all), 99.9) or 0) + 1,
        work / (now * slots) if now else 0.0,
    )


def most_rps(
    times: Times, goal: float, percent: int, *, slots: int, deadline: float = 2.0, requests: int = 8_000
) -> tuple[float, Simulated | None]:
    """Return the most requests a second with which one instance keeps its goal, and what it does then.

    Args:
        times: measured.
        goal: seconds that `percent` of the answers may take; at most one request in a hundred may be refused.
        percent: 50, 95 or 99.
        slots: see `simulate`.
        deadline: see `simulate`.
        requests: see `simulate`.

    Returns:
        0 and None when even a single request in peace takes longer.
    """
    mean = sum(service for service, _ in times.pools[2]) / len(times.pools[2]) + times.overhead
    low, high, best = 0.0, 1.2 * slots / mean, None
    for _ in range(9):  # to 0.3 % of the range
        middle = (low + high) / 2
        found = simulate(times, middle, slots=slots, requests=requests, deadline=deadline)
        if found.at(percent) <= goal and found.refused + found.expired <= 0.01:  # noqa: PLR2004
            low, best = middle, found
        else:
            high = middle
    return (low, best) if best is not None else (0.0, None)
