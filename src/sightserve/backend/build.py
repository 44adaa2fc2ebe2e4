"""Wires the concrete parts together, once, at start-up."""

from dataclasses import dataclass

from sightserve.api.schema import ModelRef, Prediction
from sightserve.backend.calibrate import Plan, calibrate
from sightserve.backend.decode import Decoder
from sightserve.backend.errors import ModelLoadError
from sightserve.backend.metrics import Metrics
from sightserve.backend.pipeline import Job, Pipeline
from sightserve.backend.pixels import PixelBudget
from sightserve.backend.scheduler import Limits, Scheduler
from sightserve.backend.session import Session
from sightserve.backend.settings import Settings
from sightserve.bundle.errors import BundleError
from sightserve.bundle.manifest import Bundle, default_bundle_path, load_bundle

_RGB = 3
_DECODE_GUESS = 0.004  # seconds, for a photo of ImageNet's size; the first requests correct it


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything that the HTTP layer needs."""

    settings: Settings
    bundle: Bundle
    metrics: Metrics
    pipeline: Pipeline
    scheduler: Scheduler[Job, Prediction]
    plan: Plan

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


def build_pipeline(settings: Settings, bundle: Bundle, metrics: Metrics) -> tuple[Pipeline, Plan]:
    """Return the data path, warm, and what is fastest for it on this machine.

    Raises:
        ModelLoadError: ONNX Runtime cannot load the model, or it is not of the shape that its manifest promises.
    """
    manifest = bundle.manifest
    spec = manifest.input

    def session(threads: int) -> Session:
        return Session(
            bundle.model_bytes, height=spec.height, width=spec.width, classes=manifest.classes, threads=threads
        )

    narrow = session(1)
    wide = session(settings.cpus) if settings.calibrate and settings.cpus > 1 else None
    if settings.calibrate:
        shape = (spec.height, spec.width, _RGB)
        plan = calibrate(narrow.infer, wide.infer if wide else None, shape, settings.cpus)
    else:
        narrow.warm_up()
        plan = Plan(batch=1, wide=False, inference=_DECODE_GUESS)
    pipeline = Pipeline(
        decoder=Decoder(
            spec.width,
            spec.height,
            spec.crop,
            spec.interpolation,
            settings.max_pixels,
            budget=PixelBudget(settings.max_pixels_in_flight),
        ),
        session=narrow,
        wide_session=wide if plan.wide else None,
        metrics=metrics,
        labels=bundle.labels,
        model=ModelRef(name=manifest.name, version=manifest.version),
    )
    return pipeline, plan


def build(settings: Settings) -> Backend:
    """Load the model, warm it up and return a backend that is ready to answer.

    Raises:
        ModelLoadError: see `load` and `build_pipeline`.
    """
    bundle = load(settings)
    metrics = Metrics()
    pipeline, plan = build_pipeline(settings, bundle, metrics)
    metrics.model_info.labels(pipeline.model.name, pipeline.model.version, bundle.manifest.model.sha256).set(1)
    limits = Limits(
        slots=settings.cpus,
        max_requests=settings.max_queue,
        max_bytes=settings.max_queue_bytes,
        batch=settings.batch_size or plan.batch,
        batch_wait=settings.batch_wait_ms / 1000,
    )
    scheduler = Scheduler(
        pipeline.execute,
        limits,
        service=_DECODE_GUESS + plan.inference,
        hang_seconds=settings.hang_timeout,
        on_refusal=lambda reason: metrics.rejected.labels(reason).inc(),
    )
    return Backend(settings, bundle, metrics, pipeline, scheduler, plan)
