"""A bundle's directory -> [what it does in real slots, on photos] -> what a person should know, or a refusal."""

import io
import json
import math
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightserve.backend.direct import Memory, Slot, Slots
from sightserve.backend.errors import BackendError, ImageError, ModelLoadError, SlotLost
from sightserve.backend.job import Answer, Job
from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import load_bundle
from sightserve.models.errors import NotVerified
from sightserve.models.photos import BUILT_IN

_LOOK_SECONDS: Final = 20.0  # for photos one by one, once there were a few
_LOAD_SECONDS: Final = 3.0  # for all slots at once
_FEW: Final = 8
_TOGETHER: Final = 4
_ROUNDING: Final = 1e-3  # of a probability
_SUM: Final = 0.01
_NOTICEABLE: Final = 0.02  # of a probability, by which the others of a batch may change it


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a bundle does on this machine.

    Attributes:
        name, version: of the model.
        classes: how many it tells apart.
        size_bytes: of its graph and weights.
        photos: that were answered.
        own: whether they were somebody's, rather than those that ship with Sightserve.
        warnings: what a person should look at.
        slots: that ran at once.
        photos_per_second: of all of them together.
        median_seconds: of a photo, decoded and inferred on one thread.
        memory: of a slot; None where the system does not say.
        start_seconds: from the start of a slot's process until it is ready.
    """

    name: str
    version: str
    classes: int
    size_bytes: int
    photos: int
    own: bool
    warnings: tuple[str, ...]
    slots: int
    photos_per_second: float
    median_seconds: float
    memory: Memory | None
    start_seconds: float


def check(directory: Path, photos: Sequence[bytes] | None = None, *, seconds: float = _LOAD_SECONDS) -> CheckReport:
    """Run a bundle as the server does, on photos, and say how it does.

    Args:
        directory: of the bundle.
        photos: encoded; None: those that ship with Sightserve, and some that are drawn.
        seconds: for which all slots are kept busy, to see how many photos they answer.

    Raises:
        BundleError: it is missing, damaged, or not what its manifest promises.
        NotVerified: it cannot be loaded, or what it gives are no probabilities of its classes.
    """
    bundle = load_bundle(directory)
    settings = Settings(model=str(directory))
    slots = Slots(settings, bundle)
    try:
        with ExitStack() as running:
            first = running.enter_context(slots.one())
            seen = _look(first, photos if photos is not None else _built_in(), bundle.labels, slots)
            memory = first.memory()
            _look_together(first, seen, bundle.manifest.max_batch)
            others = [running.enter_context(slots.one(first.plan)) for _ in range(settings.cpus - 1)]
            rate = _rate([first, *others], seen.photos, seconds)
    except (ModelLoadError, SlotLost) as exc:
        raise NotVerified(str(exc)) from exc
    finally:
        slots.close()
    return CheckReport(
        name=bundle.manifest.name,
        version=bundle.manifest.version,
        classes=len(bundle.labels),
        size_bytes=bundle.size,
        photos=len(seen.photos),
        own=photos is not None,
        warnings=(*first.notes, *seen.warnings),
        slots=settings.cpus,
        photos_per_second=rate,
        median_seconds=statistics.median(seen.seconds),
        memory=memory,
        start_seconds=first.start,
    )


@dataclass(slots=True)
class _Seen:
    """What single photos gave."""

    photos: list[bytes] = field(default_factory=list)
    rows: list[NDArray[np.float64]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def _look(slot: Slot, photos: Sequence[bytes], labels: tuple[str, ...], slots: Slots) -> _Seen:
    """Ask for photos one by one and make sure of each answer."""
    seen = _Seen()
    end = time.monotonic() + _LOOK_SECONDS
    for number, photo in enumerate(photos, 1):
        if number > _FEW and time.monotonic() > end:
            seen.warnings.append(f"{number - 1} of {len(photos)} photos were looked at: for more there was no time")
            break
        (outcome,) = slot.ask([_job(photo)])
        if isinstance(outcome, ImageError):
            seen.warnings.append(f"photo {number} is left out: {outcome}")
            continue
        row = _row(outcome, f"photo {number}", len(labels), exclusive=slots.setup.exclusive)
        seen.photos.append(photo)
        seen.rows.append(row)
        seen.seconds.append(outcome.decode + outcome.inference if isinstance(outcome, Answer) else math.nan)
    if not seen.photos:
        raise NotVerified("none of the photos can be read: " + "; ".join(seen.warnings or ["there are none"]))
    seen.warnings += _monotonous(seen.rows, labels)
    return seen


def _job(photo: bytes) -> Job:
    return Job(photo, top_k=1, probabilities=True)


def _row(outcome: Answer | BackendError, what: str, classes: int, *, exclusive: bool) -> NDArray[np.float64]:
    """Return an answer's probabilities.

    Raises:
        NotVerified: it has none.
    """
    if isinstance(outcome, BackendError):
        raise NotVerified(f"the model fails on {what}: {outcome}")
    row = np.array(json.loads(outcome.body)["probabilities"], dtype=np.float64)
    if row.shape != (classes,):
        raise NotVerified(f"the model gives {row.size} numbers for {what}, and there are {classes} labels")
    if not (np.isfinite(row).all() and row.min() >= 0 and row.max() <= 1 + _ROUNDING):
        raise NotVerified(f"the model gives numbers for {what} that are no probabilities")
    if exclusive and abs(row.sum() - 1) > _SUM:
        raise NotVerified(
            f"the model's probabilities for {what} sum to {row.sum():.3g}, not to 1: say in the manifest's output that they "
            "are independent, or put softmax into the graph"
        )
    return row


def _monotonous(rows: Sequence[NDArray[np.float64]], labels: tuple[str, ...]) -> list[str]:
    if len(rows) < 2:  # noqa: PLR2004
        return []
    spread = float(np.ptp(np.stack(rows), axis=0).max())
    if spread < _ROUNDING:
        return [
            "it says the same of every photo: its weights may be untrained, or its photos reach it in a wrong scale "
            "(--mean and --std)"
        ]
    firsts = {int(row.argmax()) for row in rows}
    if len(firsts) == 1 and len(rows) >= _FEW:
        return [f"the first class of all {len(rows)} photos is {labels[firsts.pop()]}"]
    return []


def _look_together(slot: Slot, seen: _Seen, max_batch: int | None) -> None:
    """Compare answers to several at once, which is how a busy server asks, with those to each by itself."""
    count = min(_TOGETHER, len(seen.photos), max_batch or _TOGETHER)
    if count < 2:  # noqa: PLR2004
        return
    outcomes = slot.ask([_job(photo) for photo in seen.photos[:count]])
    largest = 0.0
    for outcome, alone in zip(outcomes, seen.rows, strict=False):
        if isinstance(outcome, BackendError):
            raise NotVerified(
                f"the model answers to one photo and not to {count} at once: say max_batch: 1 in the manifest ({outcome})"
            )
        row = np.array(json.loads(outcome.body)["probabilities"])
        largest = max(largest, float(np.abs(row - alone).max()))
    if largest > _NOTICEABLE:
        seen.warnings.append(
            f"an answer depends on the other photos of a batch, by up to {largest:.2f} of a probability: max_batch: 1 in the "
            "manifest has each by itself"
        )


def _rate(slots: Sequence[Slot], photos: Sequence[bytes], seconds: float) -> float:
    """Return the photos a second of all slots at once, each given as many together as the server would."""
    start = threading.Barrier(len(slots) + 1)
    end = [math.inf]

    def work(slot: Slot, offset: int) -> tuple[int, float]:
        done = at = 0
        start.wait()
        began = time.perf_counter()
        while not done or time.perf_counter() < end[0]:
            jobs = [Job(photos[(offset + at + n) % len(photos)], top_k=1) for n in range(slot.plan.batch)]
            done += len(slot.ask(jobs))
            at += len(jobs)
        return done, time.perf_counter() - began

    with ThreadPoolExecutor(len(slots)) as pool:
        futures = [pool.submit(work, slot, number * 3) for number, slot in enumerate(slots)]
        end[0] = time.perf_counter() + seconds
        start.wait()
        return sum(done / seconds for done, seconds in (future.result() for future in futures))


def _built_in() -> list[bytes]:
    """Return the photos that ship with Sightserve, and drawn ones: of one colour, of noise, wide and tall."""
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    ramp = np.broadcast_to(np.linspace(0, 255, 640, dtype=np.uint8)[None, :, None], (160, 640, 3))
    drawn = [
        Image.new("RGB", (320, 240)),
        Image.new("RGB", (240, 320), "white"),
        Image.new("RGB", (300, 300), (200, 40, 30)),
        Image.fromarray(noise),
        Image.fromarray(np.ascontiguousarray(ramp)),
        Image.fromarray(np.ascontiguousarray(ramp.transpose(1, 0, 2))),
    ]
    return [*(path.read_bytes() for path in sorted(BUILT_IN.glob("*.jpg"))), *(_jpeg(picture) for picture in drawn)]


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
