"""A group of photos -> [one of a bundle's slots, for which a thread waits] -> their answers.

A photo that kills or hangs its slot takes no other along: the group runs again, each photo by itself in a new slot.
"""

import threading
import time
from collections.abc import Sequence
from typing import Final

from sightserve.backend.build import limits_of
from sightserve.backend.direct import Slot, Slots
from sightserve.backend.errors import BackendError, ImageError, ModelLoadError, NeedsMemory, SlotLost
from sightserve.backend.job import LARGEST_BATCH, Answer, Job, Plan
from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import Bundle

DIED: Final = "the process that worked on this photo died, or took too long"  # its last words differ from run to run
_MODEL_FAILS: Final = 100  # photos in a row, before anything else was said: it is no photo's fault
_STARTS: Final = 5  # of a slot, in a row, that fail
_PAUSE: Final = 0.5  # seconds before another start
_SLOW_MACHINE: Final = 20.0  # times the work of a group, before its slot counts as hung


def together_of(bundle: Bundle) -> int:
    """Return how many photos go through this network together."""
    return min(LARGEST_BATCH, bundle.manifest.max_batch or LARGEST_BATCH)


class Bound:
    """How much several hold together, of pixels or bytes, at most; one is let in, however much it wants."""

    def __init__(self, most: int) -> None:
        """Bound them."""
        self._most, self._held = most, 0
        self._changed = threading.Condition()

    def enter(self, amount: int) -> None:
        """Wait until there is room for so much."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held or self._held + amount <= self._most)
            self._held += amount

    def leave(self, amount: int) -> None:
        """Free it."""
        with self._changed:
            self._held -= amount
            self._changed.notify_all()


class Workers:
    """The slots of one bundle on this machine, each asked by one thread: they start when they are needed.

    Attributes:
        count: of the slots.
        together: photos of a group.
    """

    def __init__(self, settings: Settings, bundle: Bundle) -> None:
        """Hold the bundle's bytes; no slot starts yet."""
        self._settings = settings
        self.count, self.together = settings.cpus, together_of(bundle)
        self._slots = Slots(settings, bundle)
        self._limits = limits_of(settings, bundle)
        self._large = Bound(self._limits.pixels_shared)
        self._plan: Plan | None = None
        self._running: dict[int, Slot] = {}  # by thread
        self._changing = threading.Lock()
        self._closed = False
        self._answers = 0
        self._model_failures = 0

    def start(self) -> None:
        """Start the first slot, where there is none, and wait until it is ready; any thread may.

        Raises:
            ModelLoadError: it cannot load the model.
            SlotLost: it died, or was not ready in time.
        """
        with self._changing:
            if self._plan is None:
                self._running[0] = self._slots.start()
                self._plan = self._running[0].plan

    def close(self) -> None:
        """End the slots, whatever they work on: whoever waits for one hears that it is lost."""
        self._closed = True
        with self._changing:
            running = list(self._running.values())
            self._running.clear()
        for slot in running:
            slot.end()
        self._slots.close()

    def classify(self, number: int, jobs: Sequence[Job]) -> list[Answer | BackendError]:
        """Return what becomes of photos that go through the network together, in the slot of a thread, from 0.

        Raises:
            ModelLoadError: no slot starts, or the model fails on everything.
            SlotLost: the first one did not start.
        """
        if not jobs:
            return []
        self.start()
        outcomes: list[Answer | BackendError]
        try:
            outcomes = self._ask(number, jobs)
        except SlotLost as exc:
            outcomes = [exc] if len(jobs) == 1 else [self._alone(number, job) for job in jobs]
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, NeedsMemory):
                outcomes[place] = self._with_room(number, jobs[place], outcome.pixels)
        self._look_at(outcomes)
        return outcomes

    def _slot(self, number: int) -> Slot:
        """Return the slot of a thread, a new one where it has none.

        Raises:
            ModelLoadError: none starts.
        """
        for attempt in range(1, _STARTS + 1):
            if slot := self._running.get(number):
                return slot
            if self._closed:
                raise ModelLoadError("all slots were ended")
            try:
                slot = self._slots.start(self._plan)
            except SlotLost as exc:
                if attempt == _STARTS or self._closed:
                    raise ModelLoadError(f"no slot starts any more: {exc}") from exc
                time.sleep(_PAUSE * attempt)
                continue
            with self._changing:
                if not self._closed:
                    self._running[number] = slot
                    return slot
            slot.end()
        raise ModelLoadError("all slots were ended")

    def _ask(self, number: int, jobs: Sequence[Job], room: int | None = None) -> list[Answer | BackendError]:
        """Have the slot of a thread classify photos; what dies or hangs there is lost with it.

        Raises:
            SlotLost: so it is.
            ModelLoadError: none starts.
        """
        slot = self._slot(number)
        inference = self._plan.inference if self._plan else 0.0
        try:
            return slot.ask(
                jobs,
                room or self._limits.pixels_each,
                max(self._settings.hang_timeout, _SLOW_MACHINE * len(jobs) * inference),
            )
        except SlotLost:
            with self._changing:
                self._running.pop(number, None)
            slot.end()
            raise

    def _alone(self, number: int, job: Job) -> Answer | BackendError:
        try:
            return self._ask(number, [job])[0]
        except SlotLost as exc:
            return exc

    def _with_room(self, number: int, job: Job, pixels: int) -> Answer | BackendError:
        self._large.enter(pixels)
        try:
            outcome = self._ask(number, [job], pixels)[0]
        except SlotLost as exc:
            return exc
        finally:
            self._large.leave(pixels)
        return SlotLost("a slot asked for memory that it had") if isinstance(outcome, NeedsMemory) else outcome

    def _look_at(self, outcomes: Sequence[Answer | BackendError]) -> None:
        """End the work where the model itself is at fault: a million photos would say the same."""
        for outcome in outcomes:
            if isinstance(outcome, Answer):
                self._answers += 1
            elif not isinstance(outcome, ImageError):
                self._model_failures += 1
                if not self._answers and self._model_failures >= _MODEL_FAILS:
                    raise ModelLoadError(f"the model answers to no photo; the last time: {outcome}")
