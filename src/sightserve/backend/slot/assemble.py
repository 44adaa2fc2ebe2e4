"""Wires the data path of one slot together: what `main` runs in its process, and the command line in its own."""

from collections.abc import Mapping

from sightserve.backend.job import Plan, Setup
from sightserve.backend.slot.calibrate import calibrate
from sightserve.backend.slot.onnx_engine import Content, OnnxEngine
from sightserve.backend.slot.pipeline import Pipeline
from sightserve.backend.slot.room import Room
from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import CentreCrop

_RGB = 3


def assemble(
    setup: Setup,
    graph: Content,
    external: Mapping[str, Content],
    *,
    measure: bool = False,
    plan: Plan | None = None,
    room: Room | None = None,
) -> tuple[Pipeline, Plan]:
    """Return the data path, warm, and what is fastest for it on this machine.

    Args:
        setup: the model, and the settings that concern it.
        graph: the ONNX file's verified bytes.
        external: of the files in which it keeps weights, by name.
        measure: calibrate, unless a plan is given; else the defaults for CPUs.
        plan: what another slot has measured already.
        room: the memory that decoding may take, where others take some too.

    Raises:
        ModelLoadError: ONNX Runtime cannot load the model, or it is not of the shape that its manifest promises.
    """
    shape = (setup.height, setup.width, _RGB)

    def engine(threads: int) -> OnnxEngine:
        made = OnnxEngine(
            graph, external, height=setup.height, width=setup.width, classes=len(setup.labels), threads=threads
        )
        made.warm_up()
        return made

    narrow = engine(1)
    if plan is None:
        plan = calibrate(narrow.infer, shape) if measure else Plan()
    wide = engine(setup.threads_when_alone) if setup.threads_when_alone > 1 else None
    geometry = CentreCrop(setup.width, setup.height, setup.crop)
    room = room or Room()
    decoder = Decoder(geometry, setup.interpolation, setup.max_pixels, hold=room.hold)
    decoder.warm_up()
    pipeline = Pipeline(
        decoder=decoder,
        room=room,
        engine=narrow,
        wide_engine=wide,
        shape=shape,
        labels=setup.labels,
        model={"name": setup.name, "version": setup.version},
        threads_when_alone=setup.threads_when_alone,
    )
    return pipeline, plan
