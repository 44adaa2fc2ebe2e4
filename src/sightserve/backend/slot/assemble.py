"""Wires the data path of one slot together: what `main` runs in its process, and the command line in its own."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from sightserve.backend.errors import ModelError, ModelLoadError
from sightserve.backend.held import CLASS_MAP, GRAPH
from sightserve.backend.job import Plan, Setup
from sightserve.backend.slot.calibrate import calibrate
from sightserve.backend.slot.engine import PROBABILITIES
from sightserve.backend.slot.onnx_engine import Content, OnnxClassMap, OnnxEngine
from sightserve.backend.slot.pipeline import Pipeline
from sightserve.backend.slot.ranking import check
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
) -> tuple[Pipeline, Plan]:
    """Return the data path, warm, and what is fastest for it on this machine.

    Args:
        setup: the model, and the settings that concern it.
        files: of the model, verified, by the names that `held` gives them.
        measure: calibrate, unless a plan is given; else the defaults for CPUs.
        plan: what another slot has measured already.
        room: the memory that decoding may take, where others take some too.

    Raises:
        ModelLoadError: ONNX Runtime cannot load the model, or it is not what its manifest promises.
    """
    geometry = input_geometry(setup.input)
    usual = geometry.place(*_MOST_PHOTOS).input_size
    external = {name: content for name, content in files.items() if name not in {GRAPH, CLASS_MAP}}

    def engine(threads: int) -> OnnxEngine:
        made = OnnxEngine(
            files[GRAPH],
            external,
            size=geometry.fixed,
            classes=len(setup.labels),
            output=setup.output,
            features=setup.features,
            threads=threads,
        )
        _try(made, usual, exclusive=setup.exclusive)
        return made

    narrow = engine(1)
    if plan is None:
        plan = calibrate(narrow.infer, usual) if measure else Plan()
    wide = engine(setup.threads_when_alone) if setup.threads_when_alone > 1 else None
    room = room or Room()
    exact = setup.input.get("decode") == "exact"
    decoder = Decoder(geometry, setup.input["interpolation"], setup.max_pixels, exact=exact, hold=room.hold)
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


def _try(engine: OnnxEngine, size: tuple[int, int], *, exclusive: bool) -> None:
    """Run once on a black image: the first call allocates, and what is no classifier is found before anybody waits for it."""
    black = np.zeros((1, size[1], size[0], 3), dtype=np.uint8)
    try:
        check(engine.infer(black)[PROBABILITIES], exclusive=exclusive)
    except ModelError as exc:
        raise ModelLoadError(f"the model does not work: {exc}") from exc
