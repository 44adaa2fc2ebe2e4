"""Several processes behind one port, for machines with many cores: started together, replaced when they die, ended together."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from types import FrameType

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_END_SECONDS = 12.0  # a worker drains for less
# A worker that dies at once every time would be started for ever: after this many deaths in a row we end, and say so.
_MOST_EARLY_DEATHS = 5


def supervise(run: Callable[[], None], count: int) -> None:
    """Run `count` processes until SIGTERM or SIGINT, then pass that on and wait for them.

    Args:
        run: what each process does; picklable, since each is started anew (spawn) and shares nothing by accident.
        count: how many.

    Raises:
        RuntimeError: the workers keep dying.
    """
    end = threading.Event()

    def ask_to_end(_signal: int, _frame: FrameType | None) -> None:
        end.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_end)
    context = multiprocessing.get_context("spawn")

    def start() -> BaseProcess:
        process = context.Process(target=_worker, args=(run,))
        process.start()
        return process

    workers = [start() for _ in range(count)]
    deaths = 0
    try:
        while not end.wait(_LOOK_SECONDS):
            dead = [worker for worker in workers if not worker.is_alive()]
            deaths = deaths + len(dead) if dead else max(0, deaths - 1)
            if deaths > _MOST_EARLY_DEATHS:
                raise RuntimeError("the workers keep dying; their last words are above")
            for worker in dead:
                _log.error("worker %s died with exit code %s; another takes its place", worker.pid, worker.exitcode)
                workers[workers.index(worker)] = start()
    finally:
        for worker in workers:
            if worker.is_alive() and worker.pid is not None:
                os.kill(worker.pid, signal.SIGTERM)
        for worker in workers:
            worker.join(_END_SECONDS)
            if worker.is_alive():
                worker.kill()


def _worker(run: Callable[[], None]) -> None:
    # Ctrl-C in a terminal reaches every process of the group: the parent alone decides, and sends SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run()
