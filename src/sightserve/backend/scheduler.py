"""Data path: when a request's work runs, and on which thread. Never on the event loop."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Scheduler:
    """As many slots as the CPU budget; what finds none free waits in order.

    A slot is one thread that decodes, infers and ranks one request from start to end. On a CPU, requests side by side on one
    thread each get more done than one after the other on all threads.
    """

    def __init__(self, slots: int) -> None:
        self._executor = ThreadPoolExecutor(slots, thread_name_prefix="slot")

    async def run(self, work: Callable[[], T]) -> tuple[T, float]:
        """Run `work` in a slot; return its result and the seconds that it waited for one."""
        queued = time.perf_counter()

        def timed() -> tuple[T, float]:
            waited = time.perf_counter() - queued
            return work(), waited

        return await asyncio.get_running_loop().run_in_executor(self._executor, timed)

    def close(self) -> None:
        """Finish what was accepted, then end the threads."""
        self._executor.shutdown(wait=True)
