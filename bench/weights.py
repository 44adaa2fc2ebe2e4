"""What a slot costs in memory with a large model: the server's copy of its bytes, and each slot's own.

    python -m bench.weights

The model is 100 MB of weights for one multiplication, beside its graph. Memory is the proportional share (PSS), in which a page
that several processes map counts once in all.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

from tests.models import with_external_data

from sightserve.backend import held
from sightserve.backend.build import load, setup_of
from sightserve.backend.launch import spawn_slot
from sightserve.backend.scheduler import SlotProcess
from sightserve.backend.settings import Settings

SIDE, CLASSES = 91, 1000  # 91 x 91 x 3 x 1000 weights of four bytes


def share_mib(pid: int | str) -> float:
    """Return a process's proportional share of memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=3)
    slots = parser.parse_args().slots
    settings = Settings(cpus=slots, threads_when_alone=1)
    small = load(settings)
    graph, weights = with_external_data("weights.bin", SIDE, CLASSES)
    ours = replace(setup_of(settings, small), features=None)
    beside = replace(ours, input={"fit": "squash", "width": SIDE, "height": SIDE, "interpolation": "bilinear"})
    models = {
        f"embedded, {small.size / 1e6:.0f} MB": (small.model_bytes, {}, ours),
        f"{len(weights) / 1e6:.0f} MB beside, copied": (graph, {"weights.bin": weights}, beside),
        f"{len(weights) / 1e6:.0f} MB beside, shared": (
            graph,
            {"weights.bin": weights},
            replace(beside, share_weights=True),
        ),
    }
    print("model                    threads when alone   server MiB   each slot MiB")
    for name, (model, external, setup) in models.items():
        for threads in (1, 2):
            descriptor = held.reserve()
            parts = held.fill(descriptor, {held.GRAPH: model, **external})
            running = [SlotProcess(spawn_slot(descriptor)) for _ in range(slots)]
            for slot in running:
                slot.send_start(replace(setup, threads_when_alone=threads), parts, measure=False)
                slot.receive_plan(60)
            each = ", ".join(f"{share_mib(slot.pid):.0f}" for slot in running)
            print(f"{name:<25} {threads:>17} {sum(part.size for part in parts) / 2**20:>12.0f}   {each}")
            for slot in running:
                slot.end()
            os.close(descriptor)


if __name__ == "__main__":
    main()
