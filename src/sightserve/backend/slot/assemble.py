"""Wires the data path of one slot together: what `main` runs in its process, and the command line in its own."""

from collections.abc import Callable, Mapping
from typing import Final

from sightserve.backend.held import CLASS_MAP, GRAPH
from sightserve.backend.job import Plan, Setup
from sightserve.backend.slot.calibrate import calibrate
from sightserve.backend.slot.dry_run import DryRun, pictures
from sightserve.backend.slot.onnx_engine import OnnxClassMap, OnnxEngine
from sightserve.backend.slot.onnx_weights import Content
from sightserve.backend.slot.pipeline import Pipeline
from sightserve.backend.slot.room import Room
from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import input_geometry

_MOST_PHOTOS: Final = (4, 3)  # their shape


def assemble(
    setup: Setup,
    files: Mapping[str, Content],
    *,
    measure: bool = False,
    plan: Plan | None = None,
    room: Room | None = None,
    tell: Callable[[str], None] = lambda _note: None,
) -> tuple[Pipeline, Plan]:
    """Return the data path, warm, and what is fastest for it on this machine.

    Args:
        setup: the model, and the settings that concern it.
        files: of the model, verified, by the names that `held` gives them.
        measure: calibrate, unless a plan is given; else the defaults for CPUs.
        plan: what another slot has measured already; it has also seen that the model works.
        room: the memory that decoding may take, where others take some too.
        tell: is told what is odd about the model, in words.

    Raises:
        ModelLoadError: ONNX Runtime cannot load the model, it is not what its manifest promises, or it does not work.
    """
    geometry = input_geometry(setup.input)
    usual = geometry.place(*_MOST_PHOTOS).input_size
    external = {name: content for name, content in files.items() if name not in {GRAPH, CLASS_MAP}}
    classes, shown = len(setup.labels), pictures(usual)

    def engine(threads: int) -> tuple[OnnxEngine, DryRun]:
        made = OnnxEngine(
            files[GRAPH],
            external,
            size=geometry.fixed,
            classes=classes,
            output=setup.output,
            features=setup.features,
            threads=threads,
            max_batch=setup.max_batch,
            share=setup.share_weights,
        )
        first = DryRun(made, classes=classes, exclusive=setup.exclusive)
        first.infer(shown[:1])  # which allocates
        return made, first

    narrow, trial = engine(1)
    if plan is None:
        if measure:
            plan = calibrate(trial.infer, shown, setup.max_batch)
        else:
            plan = Plan(inference=trial.run(shown, batches=setup.max_batch != 1))
        trial.conclude(tell)
    wide = engine(setup.threads_when_alone)[0] if setup.threads_when_alone > 1 else None
    room = room or Room()
    decoder = Decoder(
        geometry,
        setup.input["interpolation"],
        setup.max_pixels,
        exact=setup.input["decode"] == "exact",
        antialias=setup.input["antialias"],
        hold=room.hold,
    )
    decoder.warm_up()
    pipeline = Pipeline(
        setup,
        decoder=decoder,
        room=room,
        engine=narrow,
        wide_engine=wide,
        class_map=OnnxClassMap(files[CLASS_MAP]) if setup.features is not None else None,
    )
    return pipeline, plan
