"""Wires the data path of one slot together: what `slot_main` runs in its process, and the command line in its own."""

from pathlib import Path

from sightserve.backend.calibrate import calibrate
from sightserve.backend.decode import Decoder
from sightserve.backend.job import Plan, Setup
from sightserve.backend.pipeline import Pipeline
from sightserve.backend.pixels import PixelBudget
from sightserve.backend.session import Session
from sightserve.bundle.verify import read_verified

_RGB = 3


def assemble(
    setup: Setup, *, measure: bool, plan: Plan | None = None, lock: int | None = None
) -> tuple[Pipeline, Plan]:
    """Return the data path, warm, and what is fastest for it on this machine.

    Args:
        setup: the model, and the settings that concern it.
        measure: calibrate, unless a plan is given; else the defaults for CPUs.
        plan: what another slot has measured already.
        lock: file descriptor that all slots share; None where this is the only process.

    Raises:
        BundleError: the model's file is gone, or is not what the server verified.
        ModelLoadError: ONNX Runtime cannot load the model, or it is not of the shape that its manifest promises.
    """
    model = read_verified(Path(setup.model), setup.sha256)

    def session(threads: int) -> Session:
        return Session(model, height=setup.height, width=setup.width, classes=len(setup.labels), threads=threads)

    narrow = session(1)
    narrow.warm_up()
    measure = measure and plan is None
    wide = session(setup.cpus) if setup.cpus > 1 and (measure or (plan and plan.wide)) else None
    if measure:
        shape = (setup.height, setup.width, _RGB)
        plan = calibrate(narrow.infer, wide.infer if wide else None, shape)
    plan = plan or Plan()
    if wide is not None and plan.wide:
        wide.warm_up()
    budget = PixelBudget(setup.max_pixels_in_flight // setup.cpus, lock)
    decoder = Decoder(setup.width, setup.height, setup.crop, setup.interpolation, setup.max_pixels, budget=budget)
    decoder.warm_up()
    pipeline = Pipeline(
        decoder=decoder,
        session=narrow,
        wide_session=wide if plan.wide else None,
        labels=setup.labels,
        model={"name": setup.name, "version": setup.version},
    )
    return pipeline, plan
