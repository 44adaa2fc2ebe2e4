"""Sends the web app's previews the hostile corpus, mixed with good photos, and watches their memory. Run by `make soak`."""

import os
import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from bench import processes
from tests.conftest import SAMPLES
from tests.hostile import corpus

from sightserve.previews.pool import NoPicture, Pool

SIZES = [(1024, 86), (72, 78)]
VISITORS = 4
GROWTH = 0.10


def main() -> int:
    """Run with the number of previews as the argument; return the exit status."""
    previews = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    photos = [path.read_bytes() for path in sorted(SAMPLES.glob("*.jpg"))]
    hostile = list(corpus.small().values())
    pool = Pool()
    outcomes: Counter[str] = Counter()

    def one(number: int) -> None:
        chance = random.Random(number)
        good = chance.random() < 0.2
        try:
            pool.make(chance.choice(photos if good else hostile), SIZES, f"visitor {number % VISITORS}")
            outcomes["good, shown" if good else "hostile, shown"] += 1
        except NoPicture as exc:
            outcomes[f"{'good' if good else 'hostile'}, {exc.why}"] += 1

    memory: list[float] = []
    step = max(1, previews // 20)
    with ThreadPoolExecutor(VISITORS) as visitors:
        for begun in range(0, previews + step, step):  # the first step warms up
            list(visitors.map(one, range(begun, begun + step)))
            memory.append(processes.memory(os.getpid()))
            print(f"{begun:>8,} previews  {memory[-1]:6.0f} MB", flush=True)
    pool.close()
    growth = memory[-1] / memory[0] - 1
    wrong = sum(count for outcome, count in outcomes.items() if outcome.startswith("good") and outcome != "good, shown")
    print(f"{previews:,} previews: {dict(sorted(outcomes.items()))}; {wrong} good photos not shown")
    print(f"memory: {memory[0]:.0f} MB after the warm-up, {memory[-1]:.0f} MB at the end ({growth:+.1%})")
    return 1 if wrong or growth > GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
