"""A model and a job's terms -> what does the work: the slots of this machine, or a cluster."""

import hashlib
import json
from dataclasses import asdict
from typing import Any, Final

from sightserve.backend.build import setup_of
from sightserve.backend.settings import Settings
from sightserve.backend.workers import together_of
from sightserve.batch.job import Terms
from sightserve.batch.photo import is_url
from sightserve.batch.shards import Format
from sightserve.batch.slots import READERS, READERS_AFAR
from sightserve.batch.work import Output
from sightserve.bundle.manifest import Bundle

# What of a slot's setup is this machine's, and changes no answer.
_OF_THE_MACHINE: Final = ("max_pixels", "most_in_memory", "threads_when_alone", "share_weights", "max_batch")


def terms_of(
    bundle: Bundle, settings: Settings, *, source: str, top_k: int, shard_rows: int, form: Format, every_file: bool
) -> Terms:
    """Return a job's terms; there are no more ranked labels than the model has."""
    manifest = bundle.manifest
    return Terms(
        source=source,
        model=f"{manifest.name} {manifest.version}",
        sha256=_digest(bundle, settings),
        top_k=min(top_k, len(bundle.labels)),
        shard_rows=shard_rows,
        form=form,
        every_file=every_file,
        max_pixels=settings.max_pixels,
        together=together_of(bundle),
    )


def output_of(terms: Terms) -> Output:
    """Return how rows become a file."""
    return Output(terms.top_k, terms.form, {"model": terms.model, "model_sha256": terms.sha256})


def readers_for(source: str) -> int:
    """Return how many threads read photos from there."""
    return READERS_AFAR if is_url(source) else READERS


def _digest(bundle: Bundle, settings: Settings) -> str:
    """Return the SHA-256 of all that decides what this model says of a photo."""
    setup: dict[str, Any] = asdict(setup_of(settings, bundle))
    for name in _OF_THE_MACHINE:
        del setup[name]
    files = bundle.manifest.model.model_dump(mode="json")
    return hashlib.sha256(json.dumps([files, setup], sort_keys=True).encode()).hexdigest()
