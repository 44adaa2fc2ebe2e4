"""Wires the concrete parts together, once, at start-up."""

from dataclasses import dataclass

import numpy as np

from sightserve.api.schema import ModelRef
from sightserve.backend.decode import Decoder
from sightserve.backend.errors import ModelLoadError
from sightserve.backend.metrics import Metrics
from sightserve.backend.pipeline import Pipeline
from sightserve.backend.scheduler import Scheduler
from sightserve.backend.session import Session
from sightserve.backend.settings import Settings
from sightserve.bundle.errors import BundleError
from sightserve.bundle.manifest import Bundle, default_bundle_path, load_bundle


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything that the HTTP layer, or the command line, needs."""

    settings: Settings
    bundle: Bundle
    metrics: Metrics
    pipeline: Pipeline


def build(settings: Settings) -> Backend:
    """Load the model, warm it up and return a backend that is ready to answer.

    Raises:
        ModelLoadError: the bundle is missing, damaged, or not what its manifest promises.
    """
    try:
        bundle = load_bundle(settings.model or default_bundle_path())
    except BundleError as exc:
        raise ModelLoadError(str(exc)) from exc
    spec = bundle.manifest.input
    model = ModelRef(name=bundle.manifest.name, version=bundle.manifest.version)
    session = Session(bundle.model_bytes, height=spec.height, width=spec.width, classes=bundle.manifest.classes)
    # The first calls allocate; better before the first person waits for them.
    session.infer(np.zeros((1, spec.height, spec.width, 3), dtype=np.uint8))
    metrics = Metrics()
    metrics.model.info({"name": model.name, "version": model.version, "sha256": bundle.manifest.model.sha256})
    pipeline = Pipeline(
        decoder=Decoder(spec.width, spec.height, spec.crop, spec.interpolation, settings.max_pixels),
        session=session,
        scheduler=Scheduler(settings.cpus),
        metrics=metrics,
        labels=bundle.labels,
        model=model,
    )
    return Backend(settings, bundle, metrics, pipeline)
