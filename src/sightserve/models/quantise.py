"""verify -> [int8 forms of the graph, tried on photos, and the one to serve] -> write.

An int8 form has to prove itself on each network: it is kept where it says what float32 says, and is faster by enough to matter.
"""

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.slot.onnx_engine import OnnxEngine
from sightserve.bundle.manifest import Candidate
from sightserve.models import int8
from sightserve.models.errors import NetworkError
from sightserve.models.int8 import Bits, Pixels
from sightserve.models.turns import answers, engine_of, faster, same

Variant = Literal["float32", "dynamic", "static"]

LEAST_AGREEMENT: Final = 0.98
LEAST_SPEED: Final = 1.15
LEAST_PHOTOS: Final = 20  # with fewer, half of them prove nothing
MOST_PHOTOS: Final = 200  # half of which are calibrated on
KNOWN: Final = (
    "ResNets gain 2 to 3 times by the static form, ViT and ConvNeXt 1.5 to 2.2 times by the dynamic one; networks with "
    "squeeze-and-excite and hard swish, like MobileNetV3, lose answers and gain nothing"
)
_SECONDS: Final = 60.0
# Of one float32 inference, for each photo: float32, then float32's work again to calibrate and correct, and the int8 forms.
_WORK: Final = 5.0
_PAIRS_SHARE: Final = 0.1  # of all the time, for the turns of each form
_CONFIDENCE: Final = 1.96  # standard deviations: 95 %


@dataclass(frozen=True, slots=True)
class Tried:
    """A form of the network that was tried.

    Attributes:
        variant: see `bundle.manifest.Candidate`.
        path: of the graph; None where it could not be made.
        agreement: with float32, on photos that it was not calibrated on.
        speed: against float32.
        size_bytes: of all its files.
        kept: whether it is the one to serve.
        why: in words for people.
        bits: of its weights.
    """

    variant: Variant
    path: Path | None
    agreement: float
    speed: float
    size_bytes: int
    kept: bool
    why: str
    bits: int = 32

    @property
    def candidate(self) -> Candidate | None:
        """As a manifest keeps it; None where it could not be made."""
        if self.path is None:
            return None
        return Candidate(
            variant=self.variant, agreement=self.agreement, speed=round(self.speed, 2), size_bytes=self.size_bytes,
            kept=self.kept, why=self.why,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantised:
    """What was tried.

    Attributes:
        tried: float32 first.
        notes: what a person should know: of the evidence, and of where the kept one may be served.
    """

    tried: tuple[Tried, ...]
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> Path:
        """The graph to serve."""
        return next(each.path for each in self.tried if each.kept and each.path is not None)


def quantise(
    graph: Path,
    photos: Sequence[Pixels],
    workspace: Path,
    *,
    classes: int,
    exclusive: bool = True,
    seconds: float = _SECONDS,
    tell: Callable[[str], None] = lambda _: None,
) -> Quantised:
    """Try int8 forms of a graph and say which one to serve.

    Args:
        graph: wrapped, float32; its external data lie beside it.
        photos: as the network gets them, (1, height, width, 3) each; every other one is calibrated on, the rest are compared.
        workspace: folder for the forms, each in one of its own.
        classes: of the output.
        exclusive: whether probabilities sum to 1.
        seconds: that all of it may take, about; a slow network is tried on fewer photos, but on `LEAST_PHOTOS`.
        tell: is told what goes on.

    Raises:
        NetworkError: float32 itself does not run.
    """
    size = int8.weight_bytes(graph)
    if len(photos) < LEAST_PHOTOS:
        why = f"int8 is not tried with {len(photos)} photos: {LEAST_PHOTOS} of your own are the least that can prove it"
        return Quantised((Tried("float32", graph, 1.0, 1.0, size, kept=True, why=why),))
    reference = engine_of(graph, photos[0], classes)
    answers(reference, photos[:1])  # the first one allocates
    began = time.perf_counter()
    answers(reference, photos[:3])
    each = (time.perf_counter() - began) / 3
    photos = _some(photos, seconds, each)
    trial = _Trial(
        photos, reference, answers(reference, photos), classes, exclusive, seconds * _PAIRS_SHARE, workspace
    )  # fmt: skip
    try:
        tell("preparing the graph for int8")
        workspace.mkdir(parents=True, exist_ok=True)
        source = int8.prepared(graph, workspace)
    except NetworkError as exc:
        return Quantised((Tried("float32", graph, 1.0, 1.0, size, kept=True, why=f"int8 is not possible: {exc}"),))
    found: list[Tried] = []
    for variant in ("dynamic", "static"):
        for bits in _widths():
            tell(f"trying int8, {variant}, weights of {bits} bits")
            form = trial.run(variant, bits, source)
            found.append(form)
            # wider weights make no slow form fast, and are not needed where narrow ones do
            if form.path is None or form.speed < LEAST_SPEED or _passes(form):
                break
    for left in [*int8.external_files(source), source.name]:
        (workspace / left).unlink()
    passing = [form for form in found if _passes(form)]
    best = max(passing, key=lambda form: form.speed, default=None)
    tried = [
        Tried("float32", graph, 1.0, 1.0, size, kept=best is None, why="what was given"),
        *(_decided(form, best) for form in found),
    ]
    return Quantised(tuple(tried), tuple(trial.notes(best)))


@dataclass(frozen=True, slots=True)
class _Trial:
    """What all forms are compared with."""

    photos: Sequence[Pixels]
    reference: OnnxEngine
    probabilities: NDArray[np.float32]
    classes: int
    exclusive: bool
    seconds: float
    workspace: Path

    def run(self, variant: Variant, bits: Bits, source: Path) -> Tried:
        folder = self.workspace / f"{variant}-{bits}"
        folder.mkdir(exist_ok=True)
        try:
            if variant == "dynamic":
                path = int8.dynamic(source, folder, bits)
            else:
                path = int8.static(source, folder, bits, self.photos[::2])
            engine = engine_of(path, self.photos[0], self.classes)
            said = answers(engine, self.photos)
        except NetworkError as exc:
            return Tried(variant, None, 0.0, 0.0, 0, kept=False, why=f"not possible: {exc}", bits=bits)
        agrees = same(said, self.probabilities, exclusive=self.exclusive)
        unseen = agrees[1::2] if variant == "static" else agrees
        speed = faster(engine, self.reference, self.photos, self.seconds)
        words = f"{_words(self.exclusive)} on {unseen.sum()} of {len(unseen)} photos"
        if variant == "static":
            words += f" that it was not calibrated on, and on {agrees.mean():.1%} of all"
        # the stricter of both, so that luck with one half decides nothing
        agreement = float(min(unseen.mean(), agrees.mean()))
        return Tried(variant, path, agreement, speed, int8.weight_bytes(path), kept=False, why=words, bits=bits)

    def notes(self, best: Tried | None) -> list[str]:
        if best is None:
            return [KNOWN]
        count = len(self.photos[1::2]) if best.variant == "static" else len(self.photos)
        notes = [
            f"int8 was compared with float32 on {count} photos: on others, up to {_at_most(best.agreement, count):.0%} of the "
            "answers may differ"
        ]
        if best.bits > int8.FEWER:
            notes.append(
                "its weights have 8 bits: CPUs of the x86 family without VNNI (most before 2019) give other answers with them. "
                "Add it again on such a machine if it is to be served there"
            )
        return notes


def _some(photos: Sequence[Pixels], seconds: float, each: float) -> list[Pixels]:
    """Return as many of the photos as there is time for, spread over all."""
    affordable = int(seconds / (_WORK * each))
    count = min(len(photos), max(LEAST_PHOTOS, min(MOST_PHOTOS, affordable)))
    return [photos[number * len(photos) // count] for number in range(count)]


def _widths() -> tuple[Bits, ...]:
    """Return the bits to try: 8 only where this CPU adds such products without overflow, or nothing would be measured."""
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return (7, 8)
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return (7,)
    return (7, 8) if "vnni" in flags else (7,)


def _passes(form: Tried) -> bool:
    return form.path is not None and form.agreement >= LEAST_AGREEMENT and form.speed >= LEAST_SPEED


def _decided(form: Tried, best: Tried | None) -> Tried:
    """Return the form with all the words."""
    if form.path is None:
        return form
    words = f"{form.speed:.2f} times as fast, {form.why}"
    if form is best:
        return replace(form, kept=True, why=words)
    if form.speed < LEAST_SPEED:
        return replace(form, why=f"{words}: {LEAST_SPEED} times is the least that is worth it")
    if form.agreement < LEAST_AGREEMENT:
        return replace(form, why=f"{words}: {LEAST_AGREEMENT:.0%} is asked")
    return replace(form, why=f"{words}; another is faster")


def _words(exclusive: bool) -> str:
    return "the same first class" if exclusive else "the same classes above 0.5"


def _at_most(agreement: float, count: int) -> float:
    """Return the share of answers that may differ on other photos: the upper end of Wilson's interval at 95 %."""
    share, square = 1 - agreement, _CONFIDENCE**2
    middle = share + square / (2 * count)
    spread = _CONFIDENCE * (share * (1 - share) / count + square / (4 * count**2)) ** 0.5
    return float((middle + spread) / (1 + square / count))
