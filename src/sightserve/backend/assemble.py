"""Wires the data path of one slot together: what `slot_main` runs in its process, and the command line in its own."""

from sightserve.backend.calibrate import calibrate
from sightserve.backend.decode import Decoder
from sightserve.backend.job import Plan
from sightserve.backend.pipeline import Pipeline
from sightserve.backend.pixels import PixelBudget
from sightserve.backend.session import Session
from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import Bundle

_RGB = 3


def assemble(
    settings: Settings, bundle: Bundle, *, measure: bool, plan: Plan | None = None, lock: int | None = None
) -> tuple[Pipeline, Plan]:
    """Return the data path, warm, and what is fastest for it on this machine.

    Args:
        settings: of the whole server; `cpus` is how many slots it has.
        bundle: the model.
        measure: calibrate, unless a plan is given; else the defaults for CPUs.
        plan: what another slot has measured already.
        lock: file descriptor that all slots share; None where this is the only process.

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
    narrow.warm_up()
    measure = measure and plan is None
    wide = session(settings.cpus) if settings.cpus > 1 and (measure or (plan and plan.wide)) else None
    if measure:
        shape = (spec.height, spec.width, _RGB)
        plan = calibrate(narrow.infer, wide.infer if wide else None, shape, settings.cpus)
    plan = plan or Plan()
    if wide is not None and plan.wide:
        wide.warm_up()
    budget = PixelBudget(settings.max_pixels_in_flight // settings.cpus, lock)
    decoder = Decoder(spec.width, spec.height, spec.crop, spec.interpolation, settings.max_pixels, budget=budget)
    decoder.warm_up()
    pipeline = Pipeline(
        decoder=decoder,
        session=narrow,
        wide_session=wide if plan.wide else None,
        labels=bundle.labels,
        model={"name": manifest.name, "version": manifest.version},
    )
    return pipeline, plan
