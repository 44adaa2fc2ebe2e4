"""Wires the data path of one slot together: what `main` runs in its process, and the command line in its own."""

from pathlib import Path

from sightserve.backend.job import Plan, Setup
from sightserve.backend.slot.calibrate import calibrate, faster_on_all_cores
from sightserve.backend.slot.onnx_engine import OnnxEngine
from sightserve.backend.slot.pipeline import Pipeline
from sightserve.backend.slot.pixels import PixelBudget
from sightserve.bundle.verify import read_verified
from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import CentreCrop

_RGB = 3


def assemble(
    setup: Setup, *, measure: bool, plan: Plan | None = None, lock: int | None = None
) -> tuple[Pipeline, Plan]:
    """Return the data path, warm, and what is fastest for it on this machine.

    Args:
        setup: the model, and the settings that concern it.
        measure: calibrate, unless a plan is given; else the defaults for CPUs. `measure_wide` is to follow.
        plan: what another slot has measured already.
        lock: file descriptor that all slots share; None where this is the only process.

    Raises:
        BundleError: the model's file is gone, or is not what the server verified.
        ModelLoadError: ONNX Runtime cannot load the model, or it is not of the shape that its manifest promises.
    """
    model = read_verified(Path(setup.model), setup.sha256)

    def engine(threads: int) -> OnnxEngine:
        return OnnxEngine(model, height=setup.height, width=setup.width, classes=len(setup.labels), threads=threads)

    narrow = engine(1)
    narrow.warm_up()
    if measure and plan is None:
        plan = calibrate(narrow.infer, _shape(setup))
        wanted = setup.cpus > 1  # until it was measured
    else:
        plan = plan or Plan()
        wanted = plan.wide
    wide = engine(setup.cpus) if wanted else None
    if wide is not None:
        wide.warm_up()
    budget = PixelBudget(setup.max_pixels_in_flight // setup.cpus, lock)
    geometry = CentreCrop(setup.width, setup.height, setup.crop)
    decoder = Decoder(geometry, setup.interpolation, setup.max_pixels, hold=budget.hold)
    decoder.warm_up()
    pipeline = Pipeline(
        decoder=decoder,
        engine=narrow,
        wide_engine=wide,
        shape=_shape(setup),
        labels=setup.labels,
        model={"name": setup.name, "version": setup.version},
    )
    return pipeline, plan


def measure_wide(pipeline: Pipeline, setup: Setup, plan: Plan) -> Plan:
    """Measure whether a request that is alone is answered sooner by all cores, and have the pipeline do what is faster."""
    wide = pipeline.wide_engine is not None and faster_on_all_cores(
        pipeline.engine.infer, pipeline.wide_engine.infer, _shape(setup)
    )
    if not wide:
        pipeline.wide_engine = None
    return plan._replace(wide=wide)


def _shape(setup: Setup) -> tuple[int, int, int]:
    return setup.height, setup.width, _RGB
