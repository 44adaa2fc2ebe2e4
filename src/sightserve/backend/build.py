"""Wires the server's parts together, once, at start-up. The data path itself is wired in each slot, by `assemble.py`."""

from dataclasses import dataclass

from sightserve.api.schema import ModelRef
from sightserve.backend import logs, slot_stderr
from sightserve.backend.errors import ModelLoadError, ParameterError
from sightserve.backend.job import Answer, Job, Plan, Setup
from sightserve.backend.launch import FirstChild, lock_file, spawn_slot
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
        self.metrics.count_dropped(logs.dropped())


def load(settings: Settings) -> Bundle:
    """Load and verify the model's files.

    Raises:
        ModelLoadError: the bundle is missing, damaged, or not what its manifest promises.
    """
    try:
        return load_bundle(settings.model or default_bundle_path())
    except BundleError as exc:
        raise ModelLoadError(str(exc)) from exc


def setup_of(settings: Settings, bundle: Bundle) -> Setup:
    """Return what a slot has to know of them."""
    manifest = bundle.manifest
    return Setup(
        model=str(bundle.directory / manifest.model.file),
        sha256=manifest.model.sha256,
        name=manifest.name,
        version=manifest.version,
        labels=bundle.labels,
        width=manifest.input.width,
        height=manifest.input.height,
        crop=manifest.input.crop,
        interpolation=manifest.input.interpolation,
        cpus=settings.cpus,
        max_pixels=settings.max_pixels,
        max_pixels_in_flight=settings.max_pixels_in_flight,
    )


@dataclass(frozen=True, slots=True)
class FirstSlot:
    """The slot that starts before everything else, so that it imports and loads while the server does."""

    process: SlotProcess
    lock: int
    bundle: Bundle


def start_first_slot(settings: Settings, first: FirstChild | None = None) -> FirstSlot:
    """Tell it what to load; `build` waits for it.

    Args:
        settings: of the server.
        first: its process, where it was started before these were read.

    Raises:
        ModelLoadError: the bundle is missing or damaged.
    """
    if first is None:  # before anything else: while it starts, the model's files are verified here
        lock = lock_file()
        first = FirstChild(spawn_slot(lock), lock)
    slot_stderr.follow(first.child)
    try:
        bundle = load(settings)
    except ModelLoadError:
        first.child.end()
        raise
    process = SlotProcess(first.child)
    process.send_start(setup_of(settings, bundle), measure=settings.calibrate)
    return FirstSlot(process, first.lock, bundle)


def build(settings: Settings, first: FirstSlot | None = None) -> Backend:
    """Wait until the first slot is warm and return a backend that is ready to answer; the other slots join it soon.

    Args:
        settings: of the server.
        first: the slot that was started early, where it was.

    Raises:
        ModelLoadError: the bundle is missing or damaged, or ONNX Runtime cannot load the model.
    """
    first = first or start_first_slot(settings)
    lock, bundle = first.lock, first.bundle
    try:
        plan = first.process.receive_plan()
        if settings.calibrate and settings.cpus > 1:
            plan = first.process.measure_wide()  # only now: until here the other cores were busy with our own imports
    except BaseException:
        first.process.end()
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
        child = spawn_slot(lock)
        slot_stderr.follow(child)
        slot = SlotProcess(child)
        slot.send_start(setup_of(settings, bundle), measure=False, plan=plan)
        return slot

    # the first one calibrated alone on the machine; the others work by its plan, and start while it answers already
    scheduler = Scheduler(
        [first.process, *[None] * (settings.cpus - 1)],
        replace,
        limits,
        service=_DECODE_GUESS + plan.inference,
        hang_seconds=settings.hang_timeout,
        on_refusal=lambda reason: metrics.rejected.labels(reason).inc(),
    )
    return Backend(settings, bundle, model, metrics, scheduler, plan)
