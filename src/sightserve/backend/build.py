"""Wires the server's parts together, once, at start-up. The data path itself is wired in each slot, by `assemble.py`."""

import logging
import os
from dataclasses import dataclass, replace
from mmap import mmap
from typing import Final

from sightserve.api.schema import ModelRef
from sightserve.backend import held, stderr_relay
from sightserve.backend.deadlines import deadline_of, patience_of
from sightserve.backend.errors import ModelLoadError
from sightserve.backend.held import Part
from sightserve.backend.job import Answer, Job, Plan, Setup
from sightserve.backend.launch import FirstChild, spawn_now, spawn_slot
from sightserve.backend.metrics import Metrics
from sightserve.backend.ram import fits, memory_budget, shares
from sightserve.backend.scheduler import Limits, Scheduler, SlotProcess
from sightserve.backend.settings import Settings
from sightserve.bundle.errors import BundleError
from sightserve.bundle.manifest import Bundle, Content, load_bundle
from sightserve.bundle.store import locate
from sightserve.logs import lines

_DECODE_GUESS: Final = 0.004  # seconds, for a photo of ImageNet's size; the first requests correct it
_MOST_THREADS: Final = 4
_SMALL_MODEL: Final = 64 * 2**20  # bytes
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Backend:
    """Everything that the HTTP layer needs.

    Attributes:
        deadline: seconds that a request has from the arrival of its body, unless it asks for less.
        held: the model, as the slots have it.
    """

    settings: Settings
    bundle: Bundle
    model: ModelRef
    metrics: Metrics
    scheduler: Scheduler[Job, Answer]
    plan: Plan
    threads_when_alone: int
    deadline: float
    held: "FirstSlot"

    def announce(self) -> None:
        """Have the metrics name this model, and no other."""
        self.metrics.model_info.clear()
        self.metrics.model_info.labels(self.model.name, self.model.version, self.bundle.manifest.model.sha256).set(1)

    async def close(self) -> None:
        """End the slots, whatever they work on, and let go of the model."""
        await self.scheduler.close()
        self.held.release()

    @property
    def model_words(self) -> tuple[str, str]:
        """The model's name and version."""
        return self.model.name, self.model.version

    @property
    def rate(self) -> float:
        """How many photos a second are to be expected of it, with all slots at work."""
        return self.settings.cpus / (_DECODE_GUESS + self.plan.inference)

    @property
    def title(self) -> str:
        """What the product is called: the model's manifest says it."""
        return self.bundle.manifest.page.title or "Sightserve"

    def observe(self) -> None:
        """Bring the gauges up to date."""
        self.metrics.queue_depth.set(self.scheduler.depth)
        self.metrics.in_flight.set(self.scheduler.in_flight)
        self.metrics.slots.set(self.scheduler.ready_slots)
        self.metrics.count_dropped(lines.dropped())


def load(settings: Settings) -> Bundle:
    """Load and verify the model's files.

    Raises:
        ModelLoadError: the bundle is missing, damaged, or not what its manifest promises.
    """
    try:
        return load_bundle(locate(settings.model, settings.models_dir))
    except BundleError as exc:
        raise ModelLoadError(str(exc)) from exc


def model_files(bundle: Bundle) -> dict[str, Content]:
    """Return what a slot needs of a bundle, by the names that `held` gives it."""
    files = {held.GRAPH: bundle.model_bytes, **bundle.external_data}
    return files | {held.CLASS_MAP: bundle.class_map} if bundle.class_map else files


def limits_of(settings: Settings, bundle: Bundle) -> Limits:
    """Return what bounds the queue, so that all of it fits in the memory that there is."""
    own = _own_size(bundle)
    bodies, pixels = shares(memory_budget(), settings.cpus, own, bundle.size - own)
    return Limits(
        slots=settings.cpus,
        max_requests=settings.max_queue,
        max_bytes=settings.max_queue_bytes or bodies,
        max_uploads=settings.max_uploads,
        max_pixels=settings.max_pixels_in_flight or pixels,
        batch_wait=settings.batch_wait_ms / 1000,
    )


def setup_of(settings: Settings, bundle: Bundle) -> Setup:
    """Return what a slot has to know of them."""
    manifest = bundle.manifest
    return Setup(
        name=manifest.name,
        version=manifest.version,
        labels=bundle.labels,
        input=manifest.input.model_dump(mode="json"),
        exclusive=manifest.output.meaning == "exclusive",
        temperature=manifest.temperature,
        least_standout=manifest.calibration.least_standout if manifest.calibration else None,
        least_probability=manifest.calibration.least_probability if manifest.calibration else None,
        output=manifest.output.name,
        features=manifest.heat_map.output if manifest.heat_map else None,
        max_pixels=settings.max_pixels,
        most_in_memory=limits_of(settings, bundle).pixels_shared,
        threads_when_alone=threads_when_alone(settings, _own_size(bundle)),
        max_batch=manifest.max_batch,
        share_weights=_own_size(bundle) < bundle.size,
    )


def _own_size(bundle: Bundle) -> int:
    """Return of how many bytes every engine has a copy of its own.

    Weights in files of their own are shared, where they are large: without the copy that is laid out for speed, a model is a
    tenth slower, which is not worth a few megabytes.
    """
    beside = sum(map(len, bundle.external_data.values()))
    return bundle.size - beside if beside > _SMALL_MODEL else bundle.size


def _batch(settings: Settings, most: int | None, plan: Plan) -> int:
    """Return how many requests run together: as the settings say, else as was measured; never more than the model takes."""
    if most is not None and settings.batch_size > most:
        _log.warning("batch_size is %d, and the model takes %d at once: so many it is", settings.batch_size, most)
        return most
    return settings.batch_size or plan.batch


def threads_when_alone(settings: Settings, size: int) -> int:
    """Return how many threads a lone request gets of a model of which every engine has so many bytes of its own.

    As many as there are CPUs, but few: every slot has them, and beyond four they gain little. They are a second engine's, which
    a large model does not get where that needs another copy of the weights.
    """
    if settings.threads_when_alone:
        return settings.threads_when_alone
    return min(settings.cpus, _MOST_THREADS) if size <= _SMALL_MODEL else 1


@dataclass(frozen=True, slots=True)
class FirstSlot:
    """The slot that starts before everything else, so that it imports and loads while the server does.

    Attributes:
        process: of the slot.
        model: file descriptor of the model's bytes, which all slots inherit.
        parts: where what is in it.
        bundle: whose bytes these are.
    """

    process: SlotProcess
    model: int
    parts: tuple[Part, ...]
    bundle: Bundle

    def release(self) -> None:
        """Let go of the model; no slot starts any more."""
        os.close(self.model)
        for content in (self.bundle.model_bytes, self.bundle.class_map, *self.bundle.external_data.values()):
            if isinstance(content, mmap):
                content.close()


def start_first_slot(settings: Settings, first: FirstChild | None = None) -> FirstSlot:
    """Tell it what to load; `build` waits for it.

    Args:
        settings: of the server.
        first: its process, where it was started before these were read.

    Raises:
        ModelLoadError: the bundle is missing or damaged.
        SlotLost: it is dead.
    """
    first = first or spawn_now()  # before anything else: while it starts, the model's files are verified here
    stderr_relay.follow(first.child)
    try:
        bundle = load(settings)
        parts = held.fill(first.model, model_files(bundle))
        process = SlotProcess(first.child)
        process.send_start(setup_of(settings, bundle), parts, measure=settings.calibrate)
    except BaseException:
        first.child.end()
        os.close(first.model)
        raise
    files = held.map_parts(first.model, parts)  # in the place of what was read: one copy for all
    graph, class_map = files.pop(held.GRAPH), files.pop(held.CLASS_MAP, b"")
    bundle = replace(bundle, model_bytes=graph, class_map=class_map, external_data=files)
    return FirstSlot(process, first.model, parts, bundle)


def build(settings: Settings, first: FirstSlot | None = None, metrics: Metrics | None = None) -> Backend:
    """Wait until the first slot is ready and return a backend that can answer; the other slots join it soon.

    Args:
        settings: of the server.
        first: the slot that was started early, where it was.
        metrics: of the backend that this one is to follow; None: it is the first, and its metrics name its model.

    Raises:
        ModelLoadError: the bundle is missing or damaged, or ONNX Runtime cannot load the model.
        SlotLost: the first slot did not start.
    """
    first = first or start_first_slot(settings)
    bundle, setup = first.bundle, setup_of(settings, first.bundle)
    try:
        plan = first.process.receive_plan(settings.start_timeout)
    except BaseException:
        first.process.end()
        first.release()
        raise
    for note in first.process.notes:
        _log.warning("%s", note)
    counted = metrics or Metrics()
    manifest = bundle.manifest
    model = ModelRef(name=manifest.name, version=manifest.version, outputs=manifest.output.meaning)
    service, deadline = _DECODE_GUESS + plan.inference, deadline_of(settings, plan)
    limits = replace(limits_of(settings, bundle), batch=_batch(settings, bundle.manifest.max_batch, plan))

    def another() -> SlotProcess:
        child = spawn_slot(first.model)
        stderr_relay.follow(child)
        slot = SlotProcess(child)
        slot.send_start(setup, first.parts, measure=False, plan=plan)
        return slot

    # the first one calibrated alone on the machine; the others work by its plan, and start while it answers already
    scheduler = Scheduler(
        [first.process, *[None] * (settings.cpus - 1)],
        another,
        limits,
        service=service,
        patience=patience_of(settings, deadline, service, limits.batch),
        on_refusal=lambda reason: counted.rejected.labels(reason).inc(),
        on_lost_slot=counted.lost_slots.inc,
    )
    backend = Backend(settings, bundle, model, counted, scheduler, plan, setup.threads_when_alone, deadline, first)
    if metrics is None:
        backend.announce()
    return backend


def build_beside(settings: Settings, old: Backend) -> Backend:
    """Wait until the first slot of another backend is ready, which is to take the place of one that serves meanwhile.

    Raises:
        ModelLoadError: as `build`, or there is no memory for both.
        SlotLost: as `build`.
    """
    first = start_first_slot(settings)
    sizes = [(own := _own_size(bundle), bundle.size - own) for bundle in (old.bundle, first.bundle)]
    if not fits(memory := memory_budget(), settings.cpus, sizes):
        first.process.end()
        first.release()
        raise ModelLoadError(
            f"{memory >> 20:,} MiB of memory have no room for {settings.cpus} slots of this model beside those that serve: "
            "start the server anew with it, or give it more memory"
        )
    return build(settings, first, old.metrics)
