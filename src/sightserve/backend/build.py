"""Wires the server's parts together, once, at start-up. The data path itself is wired in each slot, by `assemble.py`."""

import os
import tempfile
from dataclasses import dataclass

from sightserve.api.schema import ModelRef
from sightserve.backend.errors import ModelLoadError, ParameterError
from sightserve.backend.job import Answer, Job, Plan
from sightserve.backend.metrics import Metrics
from sightserve.backend.scheduler import Limits, Scheduler, SlotProcess
from sightserve.backend.settings import Settings
from sightserve.bundle.errors import BundleError
from sightserve.bundle.manifest import Bundle, default_bundle_path, load_bundle

_DECODE_GUESS = 0.004  # seconds, for a photo of ImageNet's size; the first requests correct it


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything that the HTTP layer needs."""

    settings: Settings
    bundle: Bundle
    model: ModelRef
    metrics: Metrics
    scheduler: Scheduler[Job, Answer]
    plan: Plan

    def check(self, top_k: int) -> None:
        """Raise ParameterError unless `top_k` is between 1 and the number of classes."""
        if not 1 <= top_k <= len(self.bundle.labels):
            raise ParameterError(f"top_k must be between 1 and {len(self.bundle.labels)}, the number of classes")

    def observe(self) -> None:
        """Bring the gauges up to date."""
        self.metrics.queue_depth.set(self.scheduler.depth)
        self.metrics.in_flight.set(self.scheduler.in_flight)
        self.metrics.lost_slots.set(self.scheduler.lost_slots)


def load(settings: Settings) -> Bundle:
    """Load and verify the model's files.

    Raises:
        ModelLoadError: the bundle is missing, damaged, or not what its manifest promises.
    """
    try:
        return load_bundle(settings.model or default_bundle_path())
    except BundleError as exc:
        raise ModelLoadError(str(exc)) from exc


def build(settings: Settings) -> Backend:
    """Start the slots, wait until they are warm and return a backend that is ready to answer.

    Raises:
        ModelLoadError: the bundle is missing or damaged, or ONNX Runtime cannot load the model.
    """
    lock = _lock_file()
    slots = [SlotProcess(settings, lock) for _ in range(settings.cpus)]  # they import while we load
    try:
        bundle = load(settings)
        plan = _begin(slots, settings)
    except BaseException:
        for slot in slots:
            slot.kill()
            slot.close()
        raise
    metrics = Metrics()
    model = ModelRef(name=bundle.manifest.name, version=bundle.manifest.version)
    metrics.model_info.labels(model.name, model.version, bundle.manifest.model.sha256).set(1)
    limits = Limits(
        slots=settings.cpus,
        max_requests=settings.max_queue,
        max_bytes=settings.max_queue_bytes,
        batch=settings.batch_size or plan.batch,
        batch_wait=settings.batch_wait_ms / 1000,
    )

    def replace() -> SlotProcess:
        slot = SlotProcess(settings, lock)
        slot.send_start(measure=False, plan=plan)
        slot.receive_plan()
        return slot

    scheduler = Scheduler(
        slots,
        replace,
        limits,
        service=_DECODE_GUESS + plan.inference,
        hang_seconds=settings.hang_timeout,
        on_refusal=lambda reason: metrics.rejected.labels(reason).inc(),
    )
    return Backend(settings, bundle, model, metrics, scheduler, plan)


def _begin(slots: list[SlotProcess], settings: Settings) -> Plan:
    """Have the first slot calibrate, alone on the machine, and the others load by its plan."""
    first, *others = slots
    first.send_start(measure=settings.calibrate)
    plan = first.receive_plan()
    for slot in others:
        slot.send_start(measure=False, plan=plan)
    for slot in others:
        slot.receive_plan()
    return plan


def _lock_file() -> int:
    """Return a file descriptor that every slot inherits and locks while it decodes a large image; it is never closed."""
    if hasattr(os, "memfd_create"):  # Linux: works with a read-only file system too
        return os.memfd_create("sightserve-pixels")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
