"""dataset -> [what the network says of each photo before its last layer, in the backend's own slots] -> head."""

import json
import queue
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.errors import BackendError, SlotLost
from sightserve.backend.job import Answer, Job
from sightserve.backend.settings import Settings
from sightserve.backend.workers import DIED, Bound, Workers
from sightserve.bundle.errors import BundleError
from sightserve.bundle.manifest import load_bundle
from sightserve.models.errors import AddError
from sightserve.training.dataset import Dataset, Example
from sightserve.training.errors import TrainError
from sightserve.training.extractor import Extractor, write_extractor
from sightserve.training.feature_cache import FeatureCache, Row
from sightserve.training.files import Unreadable, digest_of, read, size_of
from sightserve.training.listener import Listener

VIEWS: Final = ("mirror", "crop", "light")  # ways to look at a photo anew: of each, another row of features
_WORDS: Final = "Looking at the photos"
_READERS: Final = 4  # threads beside those that wait for slots: they read, and look into the cache
_HELD: Final = 256 * 2**20  # bytes of photos that were read, and wait
_LEAST: Final = 2  # photos of a class


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A photo that cannot be learned from, and why, in words."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Features:
    """What there is of those photos that could be read.

    Attributes:
        examples: the photos, in the dataset's order.
        vectors: float32 (N, D): exactly what the network's last layer gets.
        hashes: uint64 (N,): perceptual, of the photo as the network sees it: near-duplicates differ in few bits.
        digests: sha256 of each file, hexadecimal.
        left_out: photos that could not be read.
        views: by a name of VIEWS, the same as `vectors` for each photo seen that way.
    """

    examples: tuple[Example, ...]
    vectors: NDArray[np.float32]
    hashes: NDArray[np.uint64]
    digests: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    views: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def extract(
    dataset: Dataset,
    base: Path,
    listener: Listener,
    *,
    views: Sequence[str] = (),
    cache: Path | None = None,
    settings: Settings | None = None,
) -> Features:
    """Return what a classifier's network says of photos, before its last layer; each is decoded in a sandbox.

    Args:
        dataset: of the photos.
        base: directory of the classifier's bundle.
        listener: is told how far it is.
        views: names of VIEWS: ways to look at each photo beside as it is.
        cache: folder for what was found, so that nothing is looked at twice; None: none is kept.
        settings: of the backend; None: as the environment has them.

    Raises:
        TrainError: it cannot be learned on this network, or too few photos can be read.
    """
    settings = settings or Settings()
    of = len(dataset.examples) * (1 + len(views))
    with tempfile.TemporaryDirectory(prefix="sightserve-train-") as folder:
        extractors = [_extractor(base, Path(folder) / (view or "plain"), view) for view in ("", *views)]
        looking = _Looking(dataset.examples, extractors[0], settings, cache)
        looking.run(listener, 0, of)
        left_out = tuple(
            LeftOut(dataset.examples[place].name, looking.failed[place]) for place in sorted(looking.failed)
        )
        kept = [place for place in range(len(dataset.examples)) if place not in looking.failed]
        examples = tuple(dataset.examples[place] for place in kept)
        _check_enough(dataset, examples, left_out)
        found = Features(
            examples,
            _compact(looking.vectors, kept),
            looking.hashes[kept],
            tuple(looking.digests[place] for place in kept),
            left_out,
        )
        for number, (view, extractor) in enumerate(zip(views, extractors[1:], strict=True), start=1):
            again = _Looking(examples, extractor, settings, cache, found.digests)
            again.run(listener, number * len(dataset.examples), of)
            for place in again.failed:  # gone meanwhile: it is learned from as it was
                again.vectors[place] = found.vectors[place]
            found.views[view] = again.vectors
    listener.step(_WORDS, of, of)
    return found


def _extractor(base: Path, directory: Path, view: str) -> Extractor:
    directory.mkdir()
    try:
        return write_extractor(base, directory, view)
    except (BundleError, AddError) as exc:
        raise TrainError(f"it cannot be learned on {base.name}: {exc}") from exc


def _compact(vectors: NDArray[np.float32], kept: Sequence[int]) -> NDArray[np.float32]:
    """Return the rows that are wanted, without a second copy of all."""
    if len(kept) < len(vectors):
        for to, place in enumerate(kept):
            vectors[to] = vectors[place]
    return vectors[: len(kept)]


def _check_enough(dataset: Dataset, kept: Sequence[Example], left_out: Sequence[LeftOut]) -> None:
    counts = Counter(example.label for example in kept)
    if poor := [label for label in dataset.labels if counts[label] < _LEAST]:
        label, why = poor[0], left_out[0] if left_out else None
        for each, name in ((left, left.name) for left in left_out):
            if any(example.name == name and example.label == label for example in dataset.examples):
                why = each
                break
        because = f" ({why.name}: {why.why})" if why else ""
        raise TrainError(
            f"of {label}, {_count(counts[label])} can be read{because}, and {_LEAST} are the least that can be learned from: "
            "add photos to it, or take the class away"
        )


def _count(photos: int) -> str:
    return "no photo" if not photos else f"{photos} photo" + "s" * (photos > 1)


class _Looking:
    """One look at many photos, through one extractor.

    Attributes:
        vectors, hashes, digests: of each photo, where it did not fail.
        failed: why a photo has none, by its place.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        extractor: Extractor,
        settings: Settings,
        cache: Path | None,
        digests: Sequence[str] | None = None,
    ) -> None:
        """Take note of what to do.

        Args:
            examples: the photos.
            extractor: what looks.
            settings: of the backend.
            cache: folder.
            digests: of the files, where they are known: those that are in the cache are not read again.
        """
        self._examples, self._extractor, self._settings, self._known = examples, extractor, settings, digests
        self._cache = None if cache is None else FeatureCache(cache, extractor.digest, extractor.size)
        self._bytes = Bound(_HELD)
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.vectors = np.empty((len(examples), extractor.size), dtype=np.float32)
        self.hashes = np.zeros(len(examples), dtype=np.uint64)
        self.digests = list(digests) if digests is not None else [""] * len(examples)
        self.failed: dict[int, str] = {}

    def run(self, listener: Listener, done: int, of: int) -> None:
        """Look at all photos; the listener is told how many are done, where so many were before.

        Raises:
            TrainError: the network does not work.
        """
        own = {"model": str(self._extractor.directory), "threads_when_alone": 1, "calibrate": False}
        workers = Workers(self._settings.model_copy(update=own), load_bundle(self._extractor.directory))
        for number in range(workers.count):
            self._free.put(number)
        pool = ThreadPoolExecutor(workers.count + _READERS, thread_name_prefix="look")
        count = len(self._examples)
        try:
            listener.step(_WORDS, done, of)
            groups = [range(start, min(start + workers.together, count)) for start in range(0, count, workers.together)]
            for future in as_completed([pool.submit(self._look, workers, group) for group in groups]):
                done += future.result()
                listener.step(_WORDS, done, of)
        except BackendError as exc:
            raise TrainError(f"the network does not work: {exc}") from exc
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            workers.close()  # first: threads may wait for a slot that hangs
            pool.shutdown()
            if self._cache:
                self._cache.close()

    def _look(self, workers: Workers, group: Sequence[int]) -> int:
        """Look at the photos of a group that are not in the cache; return how many there are in all."""
        unknown = [place for place in group if not self._is_known(place)]
        size = sum(min(size_of(self._examples[place].path), self._settings.max_upload_bytes) for place in unknown)
        self._bytes.enter(size)
        try:
            photos = {place: data for place in unknown if (data := self._read(place)) is not None}
            if photos:
                number = self._free.get()
                try:
                    outcomes = workers.classify(
                        number, [Job(data, top_k=1, probabilities=True) for data in photos.values()]
                    )
                finally:
                    self._free.put(number)
                self._keep(dict(zip(photos, outcomes, strict=True)))
        finally:
            self._bytes.leave(size)
        return len(group)

    def _is_known(self, place: int) -> bool:
        """Take a photo's row from the cache, where its digest is known and it is there."""
        row = self._cache.get(self.digests[place]) if self._cache and self.digests[place] else None
        if row is None:
            return False
        self.vectors[place], self.hashes[place] = row
        return True

    def _read(self, place: int) -> bytes | None:
        """Return a photo's bytes, None where they are not needed, or cannot be had."""
        try:
            data = read(self._examples[place].path, self._settings.max_upload_bytes)
        except Unreadable as exc:
            self.failed[place] = str(exc)
            return None
        if self._known is not None:
            return data
        self.digests[place] = digest_of(data)
        return None if self._is_known(place) else data

    def _keep(self, outcomes: Mapping[int, Answer | BackendError]) -> None:
        rows = []
        for place, outcome in outcomes.items():
            if isinstance(outcome, Answer):
                row = Row(*self._extractor.read(json.loads(outcome.body)["probabilities"]))
                self.vectors[place], self.hashes[place] = row
                rows.append((self.digests[place], row))
            elif isinstance(outcome, SlotLost):
                self.failed[place] = DIED
            else:
                self.failed[place] = str(outcome)
        if self._cache:
            self._cache.put(rows)
